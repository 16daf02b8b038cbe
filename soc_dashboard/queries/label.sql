select
    label_id,
    labelled_at,
    first_labelled_at,
    user,
    scope,
    client_ip,
    ja4,
    host,
    label,
    note,
    expires_at,
    is_revoked,
    is_active,
    1 as total
from dim_label
where label_id = toUUID({label_id:String})
limit 1

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
    count() over () as total
from dim_label
where
    ({is_active_only:UInt8} = 0 or is_active)
    and (
        {needle:String} = ''
        or positionCaseInsensitiveUTF8(note, {needle:String}) > 0
        or positionCaseInsensitiveUTF8(user, {needle:String}) > 0
        or positionCaseInsensitiveUTF8(label, {needle:String}) > 0
        or positionCaseInsensitiveUTF8(ifNull(ja4, ''), {needle:String}) > 0
        or positionCaseInsensitiveUTF8(ifNull(host, ''), {needle:String}) > 0
        or positionCaseInsensitiveUTF8(
            replaceRegexpOne(toString(client_ip), '^::ffff:([0-9.]+)$', '\\1'), {needle:String}
        ) > 0
    )
order by labelled_at desc, label_id asc
limit {limit:UInt32} offset {offset:UInt64}

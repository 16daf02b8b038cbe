-- Labels that hold for the same clients, or for a JA4 whoever uses it.
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
    is_active
    and (
        ifNull(client_ip in (select toIPv6(arrayJoin({client_ips:Array(String)}))), 0)
        or (client_ip is null and ifNull(ja4 in {ja4s:Array(String)}, 0))
    )
order by labelled_at desc, label_id asc
limit {limit:UInt32}

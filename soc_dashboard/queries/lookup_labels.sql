-- Labels that hold for a whole client or a whole JA4, the newest first.
select
    scope,
    replaceRegexpOne(toString(ifNull(dim_label.client_ip, toIPv6('::'))), '^::ffff:([0-9.]+)$', '\\1') as client_ip,
    ifNull(dim_label.ja4, '') as ja4,
    label,
    user,
    note,
    labelled_at
from dim_label
where is_active and scope in ('client_ip', 'ja4', 'ja4_stable')
order by labelled_at desc
limit {limit:UInt32}

-- Labels first given in the window about what is in scope, oldest first.
with
    given as (
        select
            first_labelled_at,
            user,
            scope,
            label,
            note,
            is_revoked,
            ifNull(client_ip, toIPv6('::')) as client_ip,
            ifNull(ja4, '') as ja4_stable,
            ifNull(host, '') as host
        from dim_label
        where
            first_labelled_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
            and first_labelled_at < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    )

select
    first_labelled_at,
    user,
    scope,
    label,
    note,
    is_revoked,
    replaceRegexpOne(toString(client_ip), '^(::ffff:([0-9.]+)|::)$', '\\2') as address,
    ja4_stable,
    host
from given
where
    1 = 1
    /* scope */
order by first_labelled_at asc, user asc
limit {limit:UInt32}

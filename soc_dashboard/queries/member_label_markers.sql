-- Labels first given in the window about members of a campaign: one of them, its address or its JA4; oldest first.
with
    members as (
        select
            client_ip,
            ja4_stable,
            host
        from fct_campaign_member
        where campaign_id = {campaign_id:String}
    )

select
    first_labelled_at,
    user,
    scope,
    label,
    note,
    is_revoked,
    replaceRegexpOne(toString(ifNull(client_ip, toIPv6('::'))), '^(::ffff:([0-9.]+)|::)$', '\\2') as address,
    ifNull(ja4, '') as ja4_stable,
    ifNull(host, '') as host
from dim_label
where
    first_labelled_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
    and first_labelled_at < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    and multiIf(
        scope = 'client_ip', ifNull(client_ip in (select client_ip from members), 0),
        scope = 'ja4_stable', ifNull(ja4 in (select ja4_stable from members), 0),
        ifNull(
            (client_ip, ja4, host) in (
                select
                    toNullable(client_ip),
                    toNullable(ja4_stable),
                    toNullable(host)
                from members
            ),
            0
        )
    )
order by first_labelled_at asc, user asc
limit {limit:UInt32}

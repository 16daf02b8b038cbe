-- How many entities of the queue share a rule, host or network: the commonest values of each.
with
    alerts as (
        select
            client_ip,
            ja4_stable,
            host,
            ifNull(verdict_source_id, '') as verdict_source_id,
            asn
        from fct_alert
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* search */
    ),

    facets as (
        select
            client_ip,
            ja4_stable,
            host,
            arrayJoin(
                [('rule', verdict_source_id), ('host', toString(host)), ('asn', if(asn = 0, '', toString(asn)))]
            ) as facet
        from alerts
    )

select
    facet.1 as field,
    facet.2 as value,
    uniqExact(client_ip, ja4_stable, host) as entities
from facets
where facet.2 != ''
group by facet
order by field asc, entities desc, value asc
limit {limit:UInt32} by field

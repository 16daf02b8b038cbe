-- Entities in scope that are judged human now, those that an analyst called so first.
with
    touched as (
        select
            client_ip,
            ja4_stable,
            host,
            sum(entity.requests) as requests,
            argMax(
                toString(entity.verdict), indexOf({severity:Array(String)}, toString(entity.verdict))
            ) as verdict,
            max(ifNull(entity.verdict_source, '') = 'analyst' and toString(entity.verdict) = 'human') as is_labelled
        from fct_entity_verdict as entity
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* scope */
        group by client_ip, ja4_stable, host
    )

select
    replaceRegexpOne(toString(client_ip), '^::ffff:([0-9.]+)$', '\\1') as client_ip,
    host,
    requests,
    toBool(is_labelled) as is_labelled,
    countIf(is_labelled) over () as labelled
from touched
where verdict = 'human' or is_labelled
order by is_labelled desc, requests desc, touched.client_ip asc, host asc
limit {limit:UInt32}

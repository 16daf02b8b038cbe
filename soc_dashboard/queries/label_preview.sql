-- What a label would touch: entities of the window by the verdict of their most telling hour.
with
    touched as (
        select
            client_ip,
            ja4_stable,
            host,
            sum(entity.requests) as requests,
            argMax(
                toString(entity.verdict), indexOf({severity:Array(String)}, toString(entity.verdict))
            ) as verdict
        from fct_entity_verdict as entity
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* scope */
        group by client_ip, ja4_stable, host
    )

select
    verdict,
    count() as entities,
    uniqExact(client_ip) as clients,
    sum(touched.requests) as requests
from touched
group by verdict
order by verdict

select
    host,
    sum(entity.requests) as requests,
    sumIf(entity.requests, toString(entity.verdict) in ('suspicious', 'bad_bot')) as hostile_requests,
    uniqExactIf(
        (entity.client_ip, entity.ja4_stable), toString(entity.verdict) in ('suspicious', 'bad_bot')
    ) as entities
from fct_entity_verdict as entity
where
    hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
group by host
order by hostile_requests desc, requests desc, host
limit {limit:UInt32}

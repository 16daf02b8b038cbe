-- The commonest values of one column among the entities in scope, hostile traffic first.
select
    /* value */ as value,
    sum(entity.requests) as requests,
    sumIf(entity.requests, toString(entity.verdict) in ('suspicious', 'bad_bot')) as hostile_requests,
    uniqExact(entity.client_ip) as clients,
    count() over () as total
from fct_entity_verdict as entity
where
    hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    /* scope */
group by value
order by hostile_requests desc, requests desc, value asc
limit {limit:UInt32}

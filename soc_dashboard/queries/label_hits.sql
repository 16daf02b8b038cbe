-- What labels decided in the window: entities and requests that they cover, by label.
select
    ifNull(entity.verdict_source_id, '') as label_id,
    uniqExact(entity.client_ip, entity.ja4_stable, entity.host) as entities,
    sum(entity.requests) as requests,
    max(entity.last_ts) as last_ts
from fct_entity_verdict as entity
where
    hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    and verdict_source = 'analyst'
    and has({label_ids:Array(String)}, verdict_source_id)
group by label_id

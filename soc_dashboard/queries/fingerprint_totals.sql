select
    sum(entity.requests) as requests,
    uniqExact(entity.client_ip) as clients,
    uniqExact(entity.host) as hosts,
    uniqExact(entity.user_agent) as user_agents,
    sumIf(entity.requests, toString(entity.verdict) in ('good_bot', 'bad_bot')) as bot_requests,
    count(score_quantile) as scored_entities,
    count() as entities,
    quantileExactOrNull(0.5)(entity.score_quantile) as median_score
from fct_entity_verdict as entity
where
    hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    and ja4_stable = {ja4_stable:String}

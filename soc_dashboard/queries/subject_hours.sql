select
    toInt64(toUnixTimestamp(hour)) as hour_s,
    sum(entity.requests) as requests,
    uniqExact(entity.client_ip) as clients,
    uniqExact(entity.ja4_stable) as fingerprints,
    uniqExact(entity.host) as hosts,
    uniqExact(entity.user_agent) as user_agents,
    sum(entity.status_4xx) as errors_4xx,
    sumIf(entity.requests, toString(entity.verdict) in ('good_bot', 'bad_bot')) as bot_requests,
    quantileExactOrNull(0.5)(entity.score_quantile) as median_score
from fct_entity_verdict as entity
where
    hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    /* scope */
group by hour_s
order by hour_s

select
    sum(entity.requests) as requests,
    uniqExact(entity.client_ip) as clients,
    uniqExact(entity.ja4_stable) as fingerprints,
    uniqExact(entity.host) as hosts,
    uniqExact(entity.user_agent) as user_agents,
    sum(entity.status_4xx) as errors_4xx,
    sumIf(entity.requests, toString(entity.verdict) in ('good_bot', 'bad_bot')) as bot_requests,
    count(score_quantile) as scored_entities,
    count() as entities,
    quantileExactOrNull(0.5)(entity.score_quantile) as median_score,
    nullIf(min(entity.first_ts), toDateTime64(0, 6, 'UTC')) as first_ts,
    nullIf(max(entity.last_ts), toDateTime64(0, 6, 'UTC')) as last_ts
from fct_entity_verdict as entity
where
    hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    /* scope */

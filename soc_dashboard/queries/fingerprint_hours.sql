with
    entities as (
        select
            toUnixTimestamp(hour) as hour_s,
            sum(entity.requests) as requests,
            uniqExact(entity.client_ip) as clients,
            uniqExact(entity.host) as hosts,
            uniqExact(entity.user_agent) as user_agents,
            sumIf(entity.requests, toString(entity.verdict) in ('good_bot', 'bad_bot')) as bot_requests,
            quantileExactOrNull(0.5)(entity.score_quantile) as median_score
        from fct_entity_verdict as entity
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            and ja4_stable = {ja4_stable:String}
        group by hour_s
    ),

    hellos as (
        select
            toUnixTimestamp(hour) as hour_s,
            sum(ja4_hour.hellos) as hellos,
            sum(ja4_hour.hellos_unused) as hellos_unused
        from fct_ja4_hour as ja4_hour
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            and ja4_stable = {ja4_stable:String}
        group by hour_s
    )

select
    toInt64(greatest(entities.hour_s, hellos.hour_s)) as hour_s,
    entities.requests as requests,
    entities.clients as clients,
    entities.hosts as hosts,
    entities.user_agents as user_agents,
    entities.bot_requests as bot_requests,
    entities.median_score as median_score,
    hellos.hellos as hellos,
    hellos.hellos_unused as hellos_unused
from entities
full outer join hellos on entities.hour_s = hellos.hour_s
order by hour_s

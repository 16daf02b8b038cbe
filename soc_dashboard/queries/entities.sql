-- One row per entity over the window; verdict, reason and score are those of its worst hour. The page's keys are
-- picked by numbers alone; texts and maps are read for those keys only.
with
    hours as (
        select
            client_ip,
            ja4_stable,
            host,
            requests,
            ifNull(reason, '') as reason,
            score_quantile,
            user_agent,
            last_ts,
            indexOf({severity:Array(String)}, toString(verdict)) as severity,
            (indexOf({severity:Array(String)}, toString(verdict)), ifNull(score_quantile, -1)) as badness
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* scope */
    ),

    keys as (
        select
            client_ip as address,
            ja4_stable,
            host,
            sum(hours.requests) as requests,
            max(hours.severity) as severity,
            max(hours.score_quantile) as score,
            argMax(hours.reason, hours.badness) as reason,
            argMax(hours.user_agent, hours.requests) as user_agent,
            max(hours.last_ts) as last_ts
        from hours
        group by client_ip, ja4_stable, host
    ),

    page as (
        select
            address,
            ja4_stable,
            host,
            count() over () as total
        from keys
        where
            has(arrayMap(name -> indexOf({severity:Array(String)}, name), {verdicts:Array(String)}), severity)
            /* search */
        order by /* order */ ifNull(score, -1) desc, requests desc, address asc, ja4_stable asc, host asc
        limit {limit:UInt32} offset {offset:UInt64}
    ),

    -- One value, which the database computes once however often it is named.
    (select (groupArray((address, ja4_stable, host)), max(total)) from page) as shown,

    ranked as (
        select
            client_ip,
            ja4_stable,
            host,
            requests,
            toString(verdict) as verdict,
            ifNull(verdict_source, '') as verdict_source,
            ifNull(verdict_source_id, '') as verdict_source_id,
            ifNull(reason, '') as reason,
            score_quantile,
            top_features,
            evidence,
            user_agent,
            last_ts,
            indexOf({severity:Array(String)}, toString(verdict)) as severity,
            (indexOf({severity:Array(String)}, toString(verdict)), ifNull(score_quantile, -1)) as badness
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            and (client_ip, ja4_stable, host) in (
                select
                    tupleElement(key, 1),
                    tupleElement(key, 2),
                    tupleElement(key, 3)
                from (select arrayJoin(tupleElement(shown, 1)) as key)
            )
            /* scope */
    ),

    entities as (
        select
            ranked.client_ip as address,
            ja4_stable,
            host,
            sum(ranked.requests) as requests,
            max(ranked.severity) as severity,
            argMax(ranked.verdict, ranked.badness) as verdict,
            argMax(ranked.verdict_source, ranked.badness) as verdict_source,
            argMax(ranked.verdict_source_id, ranked.badness) as verdict_source_id,
            argMax(ranked.reason, ranked.badness) as reason,
            max(ranked.score_quantile) as score,
            argMax(ranked.top_features, ifNull(ranked.score_quantile, -1)) as top_features,
            argMax(ranked.evidence, ranked.badness) as evidence,
            argMax(ranked.user_agent, ranked.requests) as user_agent,
            max(ranked.last_ts) as last_ts
        from ranked
        group by ranked.client_ip, ja4_stable, host
    )

select
    replaceRegexpOne(toString(address), '^::ffff:([0-9.]+)$', '\\1') as client_ip,
    ja4_stable,
    host,
    requests,
    verdict,
    verdict_source,
    verdict_source_id,
    reason,
    score,
    top_features,
    evidence,
    user_agent,
    last_ts,
    tupleElement(shown, 2) as total
from entities
order by /* order */ ifNull(score, -1) desc, requests desc, address asc, ja4_stable asc, host asc

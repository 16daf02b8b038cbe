-- Entities of the review queue in the window, most suspicious first; verdict, sentence and evidence are those of
-- the worst hour. The page's keys are picked by numbers alone; texts and maps are read for those keys only.
with
    hours as (
        select
            hour,
            client_ip,
            ja4_stable,
            host,
            requests,
            ifNull(reason, '') as reason,
            score_quantile,
            suspicion,
            asn,
            last_ts,
            (indexOf({severity:Array(String)}, toString(verdict)), suspicion) as badness
        from fct_alert
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* search */
    ),

    keys as (
        select
            client_ip as address,
            ja4_stable,
            host,
            sum(hours.requests) as requests,
            max(hours.badness) as badness,
            max(hours.score_quantile) as score,
            max(hours.suspicion) as suspicion,
            max(hours.asn) as asn,
            argMax(hours.reason, hours.badness) as reason,
            max(hours.last_ts) as last_ts,
            max(/* review_score */) as review_score
        from hours
        /* review */
        group by client_ip, ja4_stable, host
    ),

    page as (
        select
            address,
            ja4_stable,
            host,
            count() over () as total
        from keys
        where {verdict:String} = '' or tupleElement(badness, 1) = indexOf({severity:Array(String)}, {verdict:String})
        order by /* order */ suspicion desc, badness desc, requests desc, address asc, ja4_stable asc, host asc
        limit {limit:UInt32} offset {offset:UInt64}
    ),

    -- One value, which the database computes once however often it is named.
    (select (groupArray((address, ja4_stable, host)), max(total)) from page) as shown,

    ranked as (
        select
            hour,
            client_ip,
            ja4_stable,
            host,
            requests,
            toString(verdict) as verdict,
            ifNull(verdict_source, '') as verdict_source,
            ifNull(verdict_source_id, '') as verdict_source_id,
            ifNull(reason, '') as reason,
            score_quantile,
            suspicion,
            p_value,
            top_features,
            evidence,
            user_agent,
            asn,
            country,
            first_ts,
            last_ts,
            (indexOf({severity:Array(String)}, toString(verdict)), suspicion) as badness
        from fct_alert
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
            /* search */
    ),

    alerts as (
        select
            ranked.client_ip as address,
            ja4_stable,
            host,
            sum(ranked.requests) as requests,
            uniqExact(ranked.hour) as hours,
            max(ranked.badness) as badness,
            argMax(ranked.verdict, ranked.badness) as verdict,
            argMax(ranked.verdict_source, ranked.badness) as verdict_source,
            argMax(ranked.verdict_source_id, ranked.badness) as verdict_source_id,
            argMax(ranked.reason, ranked.badness) as reason,
            argMax(ranked.evidence, ranked.badness) as evidence,
            max(ranked.score_quantile) as score,
            max(ranked.suspicion) as suspicion,
            min(ranked.p_value) as p_value,
            argMax(ranked.top_features, ifNull(ranked.score_quantile, -1)) as top_features,
            argMax(ranked.user_agent, ranked.requests) as user_agent,
            max(ranked.asn) as asn,
            max(ranked.country) as country,
            min(ranked.first_ts) as first_ts,
            max(ranked.last_ts) as last_ts,
            max(/* review_score */) as review_score
        from ranked
        /* review */
        group by ranked.client_ip, ja4_stable, host
    )

select
    replaceRegexpOne(toString(address), '^::ffff:([0-9.]+)$', '\\1') as client_ip,
    ja4_stable,
    host,
    requests,
    hours,
    verdict,
    verdict_source,
    verdict_source_id,
    reason,
    evidence,
    score,
    suspicion,
    p_value,
    top_features,
    user_agent,
    asn,
    country,
    first_ts,
    last_ts,
    review_score,
    tupleElement(shown, 2) as total
from alerts
order by /* order */ suspicion desc, badness desc, requests desc, address asc, ja4_stable asc, host asc

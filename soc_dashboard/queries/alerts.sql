-- Entities of the review queue in the window, most suspicious first; verdict, sentence and evidence are those of the
-- worst hour.
with
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
            /* search */
    ),

    alerts as (
        select
            replaceRegexpOne(toString(ranked.client_ip), '^::ffff:([0-9.]+)$', '\\1') as client_ip,
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
            max(ranked.last_ts) as last_ts
        from ranked
        group by ranked.client_ip, ja4_stable, host
    )

select
    client_ip,
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
    count() over () as total
from alerts
where {verdict:String} = '' or verdict = {verdict:String}
order by /* order */ suspicion desc, badness desc, requests desc, client_ip asc, ja4_stable asc, host asc
limit {limit:UInt32} offset {offset:UInt64}

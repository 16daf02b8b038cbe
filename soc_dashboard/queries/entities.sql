-- One row per entity over the window; verdict, reason and score are those of its worst hour.
with
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
            indexOf({severity:Array(String)}, toString(verdict)) as severity
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* scope */
    ),

    entities as (
        select
            client_ip,
            ja4_stable,
            host,
            sum(ranked.requests) as requests,
            max(ranked.severity) as severity,
            argMax(ranked.verdict, (ranked.severity, ifNull(ranked.score_quantile, -1))) as verdict,
            argMax(ranked.verdict_source, (ranked.severity, ifNull(ranked.score_quantile, -1))) as verdict_source,
            argMax(ranked.verdict_source_id, (ranked.severity, ifNull(ranked.score_quantile, -1))) as verdict_source_id,
            argMax(ranked.reason, (ranked.severity, ifNull(ranked.score_quantile, -1))) as reason,
            max(ranked.score_quantile) as score,
            argMax(ranked.top_features, ifNull(ranked.score_quantile, -1)) as top_features,
            argMax(ranked.evidence, (ranked.severity, ifNull(ranked.score_quantile, -1))) as evidence,
            argMax(ranked.user_agent, ranked.requests) as user_agent,
            max(ranked.last_ts) as last_ts
        from ranked
        group by client_ip, ja4_stable, host
    ),

    shown as (
        select
            replaceRegexpOne(toString(client_ip), '^::ffff:([0-9.]+)$', '\\1') as client_ip,
            ja4_stable,
            host,
            requests,
            severity,
            verdict,
            verdict_source,
            verdict_source_id,
            reason,
            score,
            top_features,
            evidence,
            user_agent,
            last_ts
        from entities
        where
            verdict in {verdicts:Array(String)}
    )

select
    client_ip,
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
    count() over () as total
from shown
where
    {needle:String} = ''
    or positionCaseInsensitiveUTF8(client_ip, {needle:String}) > 0
    or positionCaseInsensitiveUTF8(ja4_stable, {needle:String}) > 0
    or positionCaseInsensitiveUTF8(host, {needle:String}) > 0
    or positionCaseInsensitiveUTF8(reason, {needle:String}) > 0
    or positionCaseInsensitiveUTF8(user_agent, {needle:String}) > 0
order by
    {sign:Int8} * multiIf(
        {sort:String} = 'requests', toFloat64(requests),
        {sort:String} = 'score', ifNull(score, -1),
        {sort:String} = 'last_ts', toFloat64(toUnixTimestamp64Micro(toDateTime64(last_ts, 6, 'UTC'))),
        {sort:String} in ('client_ip', 'ja4_stable', 'host', 'reason', 'user_agent'), 0,
        toFloat64(severity)
    ) asc,
    if(
        {sign:Int8} > 0,
        multiIf(
            {sort:String} = 'client_ip', client_ip,
            {sort:String} = 'ja4_stable', ja4_stable,
            {sort:String} = 'host', host,
            {sort:String} = 'reason', reason,
            {sort:String} = 'user_agent', user_agent,
            ''
        ),
        ''
    ) asc,
    if(
        {sign:Int8} < 0,
        multiIf(
            {sort:String} = 'client_ip', client_ip,
            {sort:String} = 'ja4_stable', ja4_stable,
            {sort:String} = 'host', host,
            {sort:String} = 'reason', reason,
            {sort:String} = 'user_agent', user_agent,
            ''
        ),
        ''
    ) desc,
    ifNull(score, -1) desc,
    requests desc,
    client_ip asc,
    ja4_stable asc,
    host asc
limit {limit:UInt32} offset {offset:UInt64}

with
    ranked as (
        select
            client_ip,
            host,
            requests,
            toString(verdict) as verdict,
            ifNull(reason, '') as reason,
            score_quantile,
            last_ts,
            indexOf({severity:Array(String)}, toString(verdict)) as severity
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            and ja4_stable = {ja4_stable:String}
    ),

    clients as (
        select
            replaceRegexpOne(toString(client_ip), '^::ffff:([0-9.]+)$', '\\1') as client_ip,
            sum(ranked.requests) as requests,
            uniqExact(ranked.host) as hosts,
            max(ranked.severity) as severity,
            argMax(ranked.verdict, (ranked.severity, ifNull(ranked.score_quantile, -1))) as verdict,
            argMax(ranked.reason, (ranked.severity, ifNull(ranked.score_quantile, -1))) as reason,
            max(ranked.score_quantile) as score,
            max(ranked.last_ts) as last_ts
        from ranked
        group by client_ip
    )

select
    client_ip,
    requests,
    hosts,
    verdict,
    reason,
    score,
    last_ts,
    count() over () as total
from clients
where
    ({verdict:String} = '' or verdict = {verdict:String})
    and (
        {needle:String} = ''
        or positionCaseInsensitiveUTF8(client_ip, {needle:String}) > 0
        or positionCaseInsensitiveUTF8(reason, {needle:String}) > 0
    )
order by
    {sign:Int8} * multiIf(
        {sort:String} = 'requests', toFloat64(requests),
        {sort:String} = 'hosts', toFloat64(hosts),
        {sort:String} = 'score', ifNull(score, -1),
        {sort:String} = 'last_ts', toFloat64(toUnixTimestamp64Micro(toDateTime64(last_ts, 6, 'UTC'))),
        {sort:String} in ('client_ip', 'reason'), 0,
        toFloat64(severity)
    ) asc,
    if({sign:Int8} > 0, multiIf({sort:String} = 'client_ip', client_ip, {sort:String} = 'reason', reason, ''), '') asc,
    if({sign:Int8} < 0, multiIf({sort:String} = 'client_ip', client_ip, {sort:String} = 'reason', reason, ''), '') desc,
    ifNull(score, -1) desc,
    requests desc,
    client_ip asc
limit {limit:UInt32} offset {offset:UInt64}

with
    windowed as (
        select
            ja4_stable,
            sum(entity.requests) as requests,
            uniqExact(entity.client_ip) as clients,
            uniqExact(entity.host) as hosts,
            uniqExact(entity.user_agent) as user_agents,
            sumIf(entity.requests, toString(entity.verdict) in ('good_bot', 'bad_bot')) as bot_requests,
            quantileExactOrNull(0.5)(entity.score_quantile) as score,
            max(entity.last_ts) as last_ts
        from fct_entity_verdict as entity
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            and ja4_stable != ''
        group by ja4_stable
    ),

    named as (
        select
            ja4_stable,
            known_client
        from dim_ja4
    )

select
    windowed.ja4_stable as ja4_stable,
    named.known_client as known_client,
    windowed.requests as requests,
    windowed.clients as clients,
    windowed.hosts as hosts,
    windowed.user_agents as user_agents,
    windowed.bot_requests as bot_requests,
    windowed.score as score,
    windowed.last_ts as last_ts,
    count() over () as total
from windowed
left join named on windowed.ja4_stable = named.ja4_stable
where
    {needle:String} = ''
    or positionCaseInsensitiveUTF8(windowed.ja4_stable, {needle:String}) > 0
    or positionCaseInsensitiveUTF8(ifNull(named.known_client, ''), {needle:String}) > 0
order by
    {sign:Int8} * multiIf(
        {sort:String} = 'clients', toFloat64(clients),
        {sort:String} = 'hosts', toFloat64(hosts),
        {sort:String} = 'user_agents', toFloat64(user_agents),
        {sort:String} = 'bot_share', bot_requests / greatest(requests, 1),
        {sort:String} = 'score', ifNull(score, -1),
        {sort:String} = 'last_ts', toFloat64(toUnixTimestamp64Micro(toDateTime64(last_ts, 6, 'UTC'))),
        {sort:String} in ('ja4_stable', 'known_client'), 0,
        toFloat64(requests)
    ) asc,
    if(
        {sign:Int8} > 0,
        multiIf({sort:String} = 'ja4_stable', ja4_stable, {sort:String} = 'known_client', ifNull(known_client, ''), ''),
        ''
    ) asc,
    if(
        {sign:Int8} < 0,
        multiIf({sort:String} = 'ja4_stable', ja4_stable, {sort:String} = 'known_client', ifNull(known_client, ''), ''),
        ''
    ) desc,
    requests desc,
    ja4_stable asc
limit {limit:UInt32} offset {offset:UInt64}

with
    log as (
        select
            ts,
            replaceRegexpOne(toString(client_ip), '^::ffff:([0-9.]+)$', '\\1') as client_ip,
            method,
            host,
            path,
            protocol,
            status,
            user_agent,
            toString(join_state) as join_state,
            ja4,
            toString(conn_id) as conn_id,
            sensor
        from fct_request
        where
            ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
            and ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            and ja4_stable = {ja4_stable:String}
    )

select
    ts,
    client_ip,
    method,
    host,
    path,
    protocol,
    status,
    user_agent,
    join_state,
    ja4,
    conn_id,
    sensor,
    count() over () as total
from log
where
    (
        {needle:String} = ''
        or positionCaseInsensitiveUTF8(client_ip, {needle:String}) > 0
        or positionCaseInsensitiveUTF8(ifNull(host, ''), {needle:String}) > 0
        or positionCaseInsensitiveUTF8(path, {needle:String}) > 0
        or positionCaseInsensitiveUTF8(ifNull(user_agent, ''), {needle:String}) > 0
        or toString(status) = {needle:String}
    )
order by
    {sign:Int8} * multiIf({sort:String} = 'status', toInt64(status), toUnixTimestamp64Micro(ts)) asc,
    ts desc,
    conn_id asc
limit {limit:UInt32} offset {offset:UInt64}

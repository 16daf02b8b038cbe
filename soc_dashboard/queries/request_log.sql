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
    request_seq_on_conn,
    sensor
from fct_request
where
    ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
    and ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    /* search */
order by /* order */ ts desc, conn_id asc, request_seq_on_conn asc
limit {limit:UInt32} offset {offset:UInt64}

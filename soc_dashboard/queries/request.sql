-- One request, with the judgement of its entity's hour.
with
    found as (
        select
            ts,
            hour,
            sensor,
            client_ip,
            peer_ip,
            method,
            scheme,
            host,
            path,
            protocol,
            status,
            response_bytes,
            duration_us,
            user_agent,
            ua_family,
            referer,
            header_names,
            header_order_hash,
            join_state,
            join_confidence,
            ja4,
            ja4_stable,
            asn,
            asn_kind,
            country,
            cloud,
            crawler_state,
            conn_id,
            request_seq_on_conn
        from fct_request
        where
            ts = fromUnixTimestamp64Micro({ts_us:Int64}, 'UTC')
            and conn_id = {conn_id:UInt64}
            and request_seq_on_conn = {request_seq_on_conn:UInt32}
        limit 1
    )

select
    found.ts as ts,
    found.sensor as sensor,
    found.client_ip as client_ip,
    found.peer_ip as peer_ip,
    found.method as method,
    found.scheme as scheme,
    found.host as host,
    found.path as path,
    found.protocol as protocol,
    found.status as status,
    found.response_bytes as response_bytes,
    found.duration_us as duration_us,
    found.user_agent as user_agent,
    found.ua_family as ua_family,
    found.referer as referer,
    found.header_names as header_names,
    found.header_order_hash as header_order_hash,
    found.join_state as join_state,
    found.join_confidence as join_confidence,
    found.ja4 as ja4,
    found.ja4_stable as ja4_stable,
    found.asn as asn,
    found.asn_kind as asn_kind,
    found.country as country,
    found.cloud as cloud,
    found.crawler_state as crawler_state,
    found.conn_id as conn_id,
    found.request_seq_on_conn as request_seq_on_conn,
    if(judged.verdict = '', 'unknown', judged.verdict) as verdict,
    ifNull(judged.reason, '') as reason
from found
left join (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        toString(verdict) as verdict,
        reason
    from fct_entity_verdict
    where hour = toStartOfHour(fromUnixTimestamp64Micro({ts_us:Int64}, 'UTC'))
) as judged
    on
        found.hour = judged.hour
        and found.client_ip = judged.client_ip
        and found.ja4_stable = judged.ja4_stable
        and found.host = judged.host

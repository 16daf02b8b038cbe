with
    agents as (
        select
            user_agent,
            any(ua_family) as ua_family,
            sum(entity.requests) as requests,
            uniqExact(entity.client_ip) as clients,
            arrayFilter(
                x -> x != '',
                [
                    if(max(ifNull(ua_ja4_known_mismatch, 0)) > 0, 'ua_ja4_known_mismatch', ''),
                    if(max(ifNull(alpn_proto_gap, 0)) > 0, 'alpn_proto_gap', ''),
                    if(max(ifNull(tls_floor_gap, 0)) > 0, 'tls_floor_gap', ''),
                    if(max(ifNull(grease_missing, 0)) > 0, 'grease_missing', ''),
                    if(max(ifNull(pq_missing, 0)) > 0, 'pq_missing', ''),
                    if(max(ifNull(ttl_os_mismatch, 0)) > 0, 'ttl_os_mismatch', ''),
                    if(max(ifNull(secfetch_missing, 0)) > 0.5, 'secfetch_missing', ''),
                    if(max(ifNull(ch_ua_mismatch, 0)) > 0, 'ch_ua_mismatch', ''),
                    if(max(ifNull(ch_platform_mismatch, 0)) > 0, 'ch_platform_mismatch', '')
                ]
            ) as contradictions
        from fct_entity_hour as entity
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* scope */
        group by user_agent
    )

select
    user_agent,
    ua_family,
    requests,
    clients,
    contradictions,
    count() over () as total
from agents
order by requests desc, user_agent asc
limit {limit:UInt32}

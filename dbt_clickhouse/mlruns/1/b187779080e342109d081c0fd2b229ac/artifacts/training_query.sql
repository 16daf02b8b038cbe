
select
    toDateTime64(entity.hour, 6, 'UTC') as hour,
    toString(entity.client_ip) as client_ip,
    toString(entity.ja4_stable) as ja4_stable,
    toString(entity.host) as host,
    entity.ua_ja4_bits as ua_ja4_bits,
    entity.ua_ja4_known_mismatch as ua_ja4_known_mismatch,
    entity.alpn_proto_gap as alpn_proto_gap,
    entity.tls_floor_gap as tls_floor_gap,
    entity.grease_missing as grease_missing,
    entity.pq_missing as pq_missing,
    entity.ttl_os_mismatch as ttl_os_mismatch,
    entity.mss_tunnel as mss_tunnel,
    entity.sni_host_mismatch as sni_host_mismatch,
    entity.ja4_per_ip as ja4_per_ip,
    entity.ja4_exact_per_stable as ja4_exact_per_stable,
    entity.resumption_ratio as resumption_ratio,
    entity.hdr_order_bits as hdr_order_bits,
    entity.hdr_orders as hdr_orders,
    entity.hdr_required_missing as hdr_required_missing,
    entity.hdr_case_odd as hdr_case_odd,
    entity.secfetch_missing as secfetch_missing,
    entity.secfetch_incoherent as secfetch_incoherent,
    entity.ch_ua_mismatch as ch_ua_mismatch,
    entity.ch_platform_mismatch as ch_platform_mismatch
from fct_entity_hour as entity
where
    entity.is_sufficient
    and entity.hour >= {start:DateTime64(6, 'UTC')}
    and entity.hour < {end:DateTime64(6, 'UTC')}
order by
    cityHash64(entity.hour, entity.client_ip, entity.ja4_stable, entity.host),
    entity.hour,
    entity.client_ip,
    entity.ja4_stable,
    entity.host
limit {max_rows:UInt64}

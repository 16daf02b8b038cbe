with source as (
    select *
    from {{ source('sensor', 'raw_tls_hellos') }} {{ newest_by_key() }}
),

-- By the proved nonce and not by the server name, which anyone can send.
canary_connections as (
    select conn_id
    from {{ source('sensor', 'raw_http_requests') }}
    where canary_nonce is not null and join_state = 'matched'
),

renamed as (
    select
        sensor,
        site,
        ts,
        {{ hour_of('ts') }} as hour,
        conn_id,
        toString(transport) as transport,
        src_ip,
        src_port,
        dst_ip,
        dst_port,
        sni,
        sni_present,
        alpn,
        tls_version,
        ifNull(ja4, '') as ja4,
        ifNull(ja4_stable, '') as ja4_stable,
        ja4_r,
        ja4_o,
        ja3_hash,
        ja3n_hash,
        fingerprint_spec,
        toString(quality) as quality,
        malformed_reason,
        segments,
        hello_len,
        has_grease,
        has_ech,
        has_psk,
        has_early_data,
        has_pq_group,
        is_second_hello,
        is_sslv2_framed,
        preamble,
        tunnel,
        tcp_ttl,
        tcp_mss,
        tcp_signature,
        syn_ack_rtt_us,
        syn_to_hello_us
    from source
    where conn_id not in (select canary_connections.conn_id from canary_connections)
)

select * from renamed

with source as (
    select *
    from {{ source('sensor', 'raw_http_requests') }} {{ newest_by_key() }}
),

renamed as (
    select
        sensor,
        site,
        ts,
        {{ hour_of('ts') }} as hour,
        {{ minute_of('ts') }} as minute,
        conn_id,
        peer_ip,
        client_ip,
        method,
        scheme,
        replaceRegexpOne(lower(ifNull(host, '')), '\\.?(:[0-9]*)?$', '') as host,
        path,
        protocol,
        cast(toUInt8OrZero(extract(protocol, '^HTTP/([0-9])')) as UInt8) as http_major,
        status,
        response_bytes,
        duration_us,
        request_seq_on_conn,
        header_names,
        header_order_hash,
        toString(header_order_source) as header_order_source,
        ifNull(user_agent, '') as user_agent,
        accept,
        accept_language,
        accept_encoding,
        referer,
        sec_fetch_site,
        sec_fetch_mode,
        sec_fetch_dest,
        sec_fetch_user,
        sec_ch_ua,
        sec_ch_ua_mobile,
        sec_ch_ua_platform,
        cookie_names,
        h2_fingerprint,
        toString(join_state) as join_state,
        join_confidence,
        hello_to_request_us,
        ifNull(ja4, '') as ja4,
        ifNull(ja4_stable, '') as ja4_stable,
        sni,
        tls_version,
        alpn,
        has_grease,
        has_ech,
        has_psk,
        has_pq_group,
        tcp_signature,
        tcp_ttl,
        tcp_mss
    from source
    where canary_nonce is null
)

select * from renamed

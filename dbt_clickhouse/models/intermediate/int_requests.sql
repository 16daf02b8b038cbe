{{ hourly(
    order_by='(hour, client_ip, ja4_stable, host, ts)',
    sources={'raw_http_requests': 'ts'},
    partition_column='toStartOfHour(ts)',
    keep='toIntervalDay(15)'
) }}

with source as (
    select *
    from {{ ref('stg_http_requests') }}
    where {{ in_hour_window('ts') }}
),

user_agents as (
    select distinct user_agent
    from source
),

recognised as (
    select
        user_agents.user_agent as user_agent,
        argMin(families.family, families.rule) as ua_family,
        argMin(families.engine, families.rule) as ua_engine,
        argMin(families.is_browser, families.rule) = 1 as is_browser,
        argMin(families.is_declared_bot, families.rule) = 1 as is_declared_bot,
        argMin(families.version_token, families.rule) as version_token
    from user_agents
    cross join {{ ref('user_agent_families') }} as families
    where match(user_agents.user_agent, families.pattern)
    group by user_agents.user_agent
),

versioned as (
    select
        user_agent,
        ua_family,
        ua_engine,
        is_browser,
        is_declared_bot,
        if(
            version_token = '' or position(user_agent, version_token) = 0,
            '',
            substring(user_agent, position(user_agent, version_token) + length(version_token), 16)
        ) as version_text,
        toUInt16OrNull(extract(version_text, '^([0-9]+)')) as ua_version,
        ifNull(toUInt16OrNull(extract(version_text, '^[0-9]+\\.([0-9]+)')), 0) as ua_minor_version,
        toUInt16OrNull(extract(user_agent, 'Chrome/([0-9]+)')) as chromium_version,
        {{ user_agent_os('user_agent') }} as ua_os
    from recognised
),

reference as (
    select
        ja4,
        groupUniqArray(engine) as known_engines
    from {{ ref('known_fingerprints') }}
    group by ja4
),

disallowed as (
    select
        host,
        groupArray(pattern) as disallowed_patterns
    from {{ ref('stg_disallowed_paths') }}
    group by host
),

publishing as (
    select distinct lower(name) as name
    from {{ ref('stg_crawler_ranges') }}
),

joined as (
    select
        *,
        {{ intel('asn', 'asn', 'client_ip') }} as asn,
        {{ intel('autonomous_system', 'kind', 'toUInt64(asn)') }} as asn_kind,
        {{ intel('country', 'country', 'client_ip') }} as country,
        {{ intel('cloud', 'name', 'client_ip') }} as cloud,
        {{ intel('anonymiser', 'name', 'client_ip') }} as anonymiser,
        {{ intel('crawler_range', 'name', 'client_ip') }} as crawler_range,
        -- Behind a proxy the handshake and the TCP stack are the proxy's and say nothing of the client.
        join_state = 'matched' and peer_ip = client_ip as is_own_hello,
        {{ unquoted('sec_ch_ua_platform') }} as ch_platform,
        toUInt16OrZero(extract(ifNull(sec_ch_ua, ''), '"Chromium";\\s*v="([0-9]{1,4})[".]')) as hinted_version
    from source
    inner join versioned using (user_agent)
    left join reference using (ja4)
    left join disallowed using (host)
),

judged as (
    select
        ts,
        hour,
        minute,
        client_ip,
        ja4_stable,
        host,
        asn,
        cast(asn_kind as LowCardinality(String)) as asn_kind,
        cast(country as LowCardinality(String)) as country,
        cast(cloud as LowCardinality(String)) as cloud,
        cast(anonymiser as LowCardinality(String)) as anonymiser,
        {{ crawler_state('is_declared_bot', 'ua_family', 'crawler_range', 'publishing') }} as crawler_state,
        sensor,
        site,
        conn_id,
        peer_ip,
        method,
        scheme,
        path,
        protocol,
        http_major,
        status,
        response_bytes,
        duration_us,
        request_seq_on_conn,
        header_names,
        header_order_hash,
        user_agent,
        ua_family,
        ua_version,
        ua_os,
        ua_engine,
        is_browser,
        is_declared_bot,
        cast(signature is not null as UInt8) as has_signature,
        lower(replaceRegexpOne(
            extract(ifNull(signature_agent, ''), 'https://([^/"?#]+)'), ':443$', ''
        )) as signature_domain,
        referer,
        join_state,
        join_confidence,
        ja4,
        is_own_hello,
        if(peer_ip = client_ip, h2_fingerprint, null) as h2_fingerprint,
        if(is_own_hello, {{ tcp_stack('tcp_signature') }}, null) as tcp_stack,
        if(is_own_hello, hello_to_request_us, null) as hello_to_request_us,
        ifNull(ch_platform, ua_os) as client_os,
        nullIf(lower(extract(ifNull(accept_language, ''), '^\\s*([A-Za-z]{2,3})\\b')), '') as language,
        {{ resource_kind('method', 'path', 'sec_fetch_dest', 'accept') }} as resource,
        cast({{ is_sensitive_path('path') }} as UInt8) as is_sensitive_path,
        cast({{ is_attack_path('path') }} as UInt8) as is_attack_path,
        cast(
            if(
                empty(disallowed_patterns),
                null,
                arrayExists(pattern -> match(path, pattern), disallowed_patterns)
            ) as Nullable(UInt8)
        ) as is_disallowed,
        cast(sec_fetch_site = 'none' as Nullable(UInt8)) as is_typed,
        cast({{ is_login_attempt('method', 'path', 'status') }} as UInt8) as is_login_attempt,
        cast(
            if(
                notEmpty(header_names) or notEmpty(cookie_names),
                notEmpty(cookie_names) or arrayExists(name -> lower(name) = 'cookie', header_names),
                null
            ) as Nullable(UInt8)
        ) as has_cookie,
        cast(
            if(
                notEmpty(header_names),
                arrayExists(name -> lower(name) in ('if-none-match', 'if-modified-since'), header_names),
                null
            ) as Nullable(UInt8)
        ) as is_conditional,
        cast(if(is_own_hello, has_psk, null) as Nullable(UInt8)) as has_psk,
        cast(
            multiIf(
                not is_own_hello or empty(known_engines), null,
                is_declared_bot or ua_family in ('none', 'other'), null,
                is_browser, not has(known_engines, ua_engine),
                arrayExists(engine -> engine != '', known_engines), not has(known_engines, ''),
                null
            ) as Nullable(UInt8)
        ) as is_family_mismatch,
        cast(if(is_own_hello and has(alpn, 'h2'), http_major = 1, null) as Nullable(UInt8)) as is_alpn_gap,
        cast(
            if(is_own_hello and {{ implies_tls13() }}, tls_version < 0x0304, null) as Nullable(UInt8)
        ) as is_tls_floor_gap,
        cast(
            -- Over QUIC Chromium sends no GREASE: the lab's h3-chromium, q13d0312h3_55b375c5d22e.
            if(
                is_own_hello and ua_engine = 'chromium' and not startsWith(ja4, 'q'), has_grease = 0, null
            ) as Nullable(UInt8)
        ) as is_grease_missing,
        cast(
            if(is_own_hello and {{ implies_pq_group() }}, has_pq_group = 0, null) as Nullable(UInt8)
        ) as is_pq_missing,
        cast(
            if(
                is_own_hello,
                {{ initial_ttl_of_seen('tcp_ttl') }} != {{ initial_ttl_of_os('ifNull(ch_platform, ua_os)') }},
                null
            ) as Nullable(UInt8)
        ) as is_ttl_mismatch,
        cast(
            if(
                is_own_hello and tcp_signature is not null,
                {{ is_other_tcp_stack('ifNull(ch_platform, ua_os)', 'tcp_signature') }},
                null
            ) as Nullable(UInt8)
        ) as is_tcp_os_mismatch,
        cast(
            if(
                is_browser and peer_ip = client_ip and h2_fingerprint is not null,
                {{ is_other_h2_engine('ua_engine', 'h2_fingerprint') }},
                null
            ) as Nullable(UInt8)
        ) as is_h2_mismatch,
        cast(
            if(is_own_hello, tcp_mss < {{ full_mss('client_ip') }}, null) as Nullable(UInt8)
        ) as is_mss_low,
        cast(
            if(
                is_own_hello and not ifNull(has_ech, 0) and host != '',
                lower(sni) != host,
                null
            ) as Nullable(UInt8)
        ) as is_sni_mismatch,
        cast(
            if(
                is_browser and notEmpty(header_names),
                accept_language is null or accept_encoding is null,
                null
            ) as Nullable(UInt8)
        ) as is_required_header_missing,
        cast(
            if(
                scheme = 'https' and accept_encoding is not null and {{ implies_brotli() }}
                and ifNull(sec_fetch_dest, '') not in ('audio', 'video'),
                not match(lower(ifNull(accept_encoding, '')), '\\bbr\\b'),
                null
            ) as Nullable(UInt8)
        ) as is_encoding_poor,
        cast(if(is_browser and is_own_hello, protocol = 'HTTP/1.0', null) as Nullable(UInt8)) as is_http10,
        cast(
            if(
                scheme = 'https' and notEmpty(header_names) and {{ implies_client_hints() }},
                not arrayExists(name -> lower(name) = 'sec-ch-ua', header_names),
                null
            ) as Nullable(UInt8)
        ) as is_client_hint_missing,
        cast(
            if(
                is_browser and http_major = 1 and header_order_source = 'wire' and notEmpty(header_names),
                {{ has_odd_header_case('header_names') }},
                null
            ) as Nullable(UInt8)
        ) as is_header_case_odd,
        cast(
            if(
                scheme = 'https' and notEmpty(header_names) and {{ implies_sec_fetch() }},
                sec_fetch_site is null and sec_fetch_mode is null and sec_fetch_dest is null,
                null
            ) as Nullable(UInt8)
        ) as is_sec_fetch_missing,
        cast(
            if(
                sec_fetch_mode is not null or sec_fetch_site is not null or sec_fetch_dest is not null,
                {{ is_impossible_fetch(
                    'sec_fetch_site', 'sec_fetch_mode', 'sec_fetch_dest', 'sec_fetch_user', 'referer'
                ) }},
                null
            ) as Nullable(UInt8)
        ) as is_sec_fetch_incoherent,
        cast(
            multiIf(
                sec_ch_ua is null or not is_browser, null,
                ua_engine != 'chromium', 1,
                not match(
                    sec_ch_ua,
                    concat('"Chromium";\\s*v="', toString(ifNull(chromium_version, 0)), '["."]')
                ), 1,
                ua_family = 'Edge', position(sec_ch_ua, '"Microsoft Edge"') = 0,
                ua_family = 'Opera', position(sec_ch_ua, '"Opera') = 0,
                ua_family = 'Chrome', match(sec_ch_ua, '"(?:Microsoft Edge|HeadlessChrome|Opera)"'),
                0
            ) as Nullable(UInt8)
        ) as is_ch_ua_mismatch,
        cast(
            if(
                is_browser and ua_engine = 'chromium',
                {{ is_other_placeholder('sec_ch_ua', 'hinted_version') }},
                null
            ) as Nullable(UInt8)
        ) as is_ch_brand_false,
        cast(
            multiIf(
                ch_platform is null and sec_ch_ua_mobile is null or not is_browser, null,
                ua_engine != 'chromium', 1,
                ch_platform is not null and ua_os is not null
                and replaceOne(ch_platform, 'Chromium OS', 'Chrome OS') != ua_os, 1,
                sec_ch_ua_mobile is not null, (sec_ch_ua_mobile = '?1') != match(user_agent, '\\bMobile\\b'),
                0
            ) as Nullable(UInt8)
        ) as is_ch_platform_mismatch,
        cast(
            greatest(
                ifNull(is_family_mismatch, 0), ifNull(is_alpn_gap, 0), ifNull(is_tls_floor_gap, 0),
                ifNull(is_grease_missing, 0), ifNull(is_pq_missing, 0), ifNull(is_ttl_mismatch, 0),
                ifNull(is_sni_mismatch, 0),
                ifNull(is_required_header_missing, 0), ifNull(is_header_case_odd, 0),
                ifNull(is_sec_fetch_missing, 0), ifNull(is_sec_fetch_incoherent, 0),
                ifNull(is_ch_ua_mismatch, 0), ifNull(is_ch_platform_mismatch, 0),
                is_sensitive_path
            ) as UInt8
        ) as is_contradicted
    from joined
)

select * from judged

{{ hourly(order_by='(hour, client_ip, ja4_stable, host)') }}

with source as (
    select *
    from {{ ref('int_requests') }}
    where {{ in_hour_window('hour') }}
),

hellos as (
    select
        hour,
        src_ip,
        ja4_stable
    from {{ ref('stg_tls_hellos') }}
    where {{ in_hour_window('ts') }}
),

entities as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        count() as requests,
        uniqExact(conn_id) as connections,
        min(ts) as first_ts,
        max(ts) as last_ts,
        cast(uniqExact(user_agent) as UInt32) as user_agents,
        ifNull({{ commonest('source.ja4') }}, '') as ja4,
        uniqExact(path) as paths,
        countIf(status between 400 and 499) as status_4xx,
        countIf(status between 500 and 599) as status_5xx,
        countIf(join_state = 'matched') as matched_requests,
        uniqExactIf(source.ja4, is_own_hello) as exact_forms,
        {{ smoothed_share('is_family_mismatch') }} as ua_ja4_known_mismatch,
        {{ smoothed_share('is_alpn_gap') }} as alpn_proto_gap,
        {{ smoothed_share('is_tls_floor_gap') }} as tls_floor_gap,
        {{ smoothed_share('is_grease_missing') }} as grease_missing,
        {{ smoothed_share('is_pq_missing') }} as pq_missing,
        {{ smoothed_share('is_ttl_mismatch') }} as ttl_os_mismatch,
        {{ smoothed_share('is_mss_low') }} as mss_tunnel,
        {{ smoothed_share('is_sni_mismatch') }} as sni_host_mismatch,
        if(
            count(header_order_hash) = 0,
            null,
            greatest(
                uniqExactIf(header_order_hash, http_major = 1),
                uniqExactIf(header_order_hash, http_major = 2),
                uniqExactIf(header_order_hash, http_major = 3)
            )
        ) as hdr_orders,
        {{ smoothed_share('is_required_header_missing') }} as hdr_required_missing,
        {{ smoothed_share('is_header_case_odd') }} as hdr_case_odd,
        {{ smoothed_share('is_sec_fetch_missing') }} as secfetch_missing,
        {{ smoothed_share('is_sec_fetch_incoherent') }} as secfetch_incoherent,
        {{ smoothed_share('is_ch_ua_mismatch') }} as ch_ua_mismatch,
        {{ smoothed_share('is_ch_platform_mismatch') }} as ch_platform_mismatch
    from source
    group by hour, client_ip, ja4_stable, host
),

-- The user agent and header order that most requests of an entity have; the larger text in a tie.
counted as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        user_agent,
        ua_family,
        ua_version,
        http_major,
        header_order_hash,
        count() as requests
    from source
    group by
        hour, client_ip, ja4_stable, host,
        user_agent, ua_family, ua_version, http_major, header_order_hash
),

user_agents as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        user_agent,
        ua_family,
        ua_version
    from counted
    group by hour, client_ip, ja4_stable, host, user_agent, ua_family, ua_version
    order by sum(requests) desc, user_agent desc
    limit 1 by hour, client_ip, ja4_stable, host
),

header_orders as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        http_major,
        header_order_hash
    from counted
    where header_order_hash is not null
    group by hour, client_ip, ja4_stable, host, http_major, header_order_hash
    order by sum(requests) desc, header_order_hash desc
    limit 1 by hour, client_ip, ja4_stable, host
),

connections as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        conn_id,
        min(ts) as opened_ts,
        max(has_psk) as resumed
    from source
    where is_own_hello
    group by hour, client_ip, ja4_stable, host, conn_id
),

-- The first connection of the hour cannot be expected to resume, so it counts neither way.
resumptions as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        count() as hellos,
        sum(resumed) - argMin(resumed, (opened_ts, conn_id)) as later_resumed
    from connections
    group by hour, client_ip, ja4_stable, host
),

sightings as (
    select
        hour,
        client_ip,
        ja4_stable
    from source
    where is_own_hello
    union all
    select
        hour,
        src_ip as client_ip,
        ja4_stable
    from hellos
),

fingerprints as (
    select
        hour,
        client_ip,
        uniqExact(ja4_stable) as ja4_per_ip
    from sightings
    where ja4_stable != ''
    group by hour, client_ip
),

-- The populations below count clients, not requests, and leave the scored client's own rows out: otherwise a
-- heavy bot would be the population it is compared with.
ua_claims as (
    select distinct
        hour,
        client_ip,
        ja4_stable,
        ua_family
    from source
    where is_own_hello and ja4_stable != ''
),

ua_of_ja4 as (
    select
        hour,
        client_ip,
        ja4_stable,
        ua_family,
        count() over (partition by hour, ja4_stable, ua_family) - 1 as hits,
        count() over (partition by hour, ja4_stable)
        - count() over (partition by hour, ja4_stable, client_ip) as total,
        uniqExact(ua_family) over (partition by hour) as outcomes
    from ua_claims
),

-- Back-off for a fingerprint that no other client has: the first part of JA4 (version, counts, ALPN).
ua_claims_a as (
    select distinct
        hour,
        client_ip,
        splitByChar('_', ja4_stable)[1] as ja4_a,
        ua_family
    from ua_claims
),

ua_of_ja4_a as (
    select
        hour,
        client_ip,
        ja4_a,
        ua_family,
        count() over (partition by hour, ja4_a, ua_family) - 1 as hits,
        count() over (partition by hour, ja4_a)
        - count() over (partition by hour, ja4_a, client_ip) as total
    from ua_claims_a
),

ua_surprise as (
    select
        hour,
        client_ip,
        ja4_stable,
        ua_family,
        if(
            ua_of_ja4.total > 0,
            {{ surprise_bits('ua_of_ja4.hits', 'ua_of_ja4.total', 'outcomes') }},
            {{ surprise_bits('ua_of_ja4_a.hits', 'ua_of_ja4_a.total', 'outcomes') }}
        ) as ua_ja4_bits
    from ua_of_ja4
    inner join ua_of_ja4_a
        on
            ua_of_ja4.hour = ua_of_ja4_a.hour
            and ua_of_ja4.client_ip = ua_of_ja4_a.client_ip
            and splitByChar('_', ua_of_ja4.ja4_stable)[1] = ua_of_ja4_a.ja4_a
            and ua_of_ja4.ua_family = ua_of_ja4_a.ua_family
),

header_claims as (
    select distinct
        hour,
        client_ip,
        ua_family,
        http_major,
        header_order_hash
    from source
    where header_order_hash is not null
),

header_surprise as (
    select
        hour,
        client_ip,
        ua_family,
        http_major,
        header_order_hash,
        count() over (partition by hour, ua_family, http_major, header_order_hash) - 1 as hits,
        count() over (partition by hour, ua_family, http_major)
        - count() over (partition by hour, ua_family, http_major, client_ip) as total,
        uniqExact(header_order_hash) over (partition by hour, ua_family, http_major) as outcomes,
        {{ surprise_bits('hits', 'total', 'outcomes') }} as hdr_order_bits
    from header_claims
),

joined as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        requests,
        connections,
        first_ts,
        last_ts,
        user_agent,
        user_agents,
        ua_family,
        ua_version,
        ja4,
        paths,
        status_4xx,
        status_5xx,
        matched_requests,
        cast(requests >= 5 as Bool) as is_sufficient,
        cast(ua_ja4_bits as Nullable(Float64)) as ua_ja4_bits,
        cast(ua_ja4_known_mismatch as Nullable(Float64)) as ua_ja4_known_mismatch,
        cast(alpn_proto_gap as Nullable(Float64)) as alpn_proto_gap,
        cast(tls_floor_gap as Nullable(Float64)) as tls_floor_gap,
        cast(grease_missing as Nullable(Float64)) as grease_missing,
        cast(pq_missing as Nullable(Float64)) as pq_missing,
        cast(ttl_os_mismatch as Nullable(Float64)) as ttl_os_mismatch,
        cast(mss_tunnel as Nullable(Float64)) as mss_tunnel,
        cast(sni_host_mismatch as Nullable(Float64)) as sni_host_mismatch,
        cast(nullIf(ja4_per_ip, 0) as Nullable(Float64)) as ja4_per_ip,
        cast(if(hellos < 2, null, exact_forms) as Nullable(Float64)) as ja4_exact_per_stable,
        cast(if(hellos < 2, null, later_resumed / hellos) as Nullable(Float64)) as resumption_ratio,
        cast(hdr_order_bits as Nullable(Float64)) as hdr_order_bits,
        cast(hdr_orders as Nullable(Float64)) as hdr_orders,
        cast(hdr_required_missing as Nullable(Float64)) as hdr_required_missing,
        cast(hdr_case_odd as Nullable(Float64)) as hdr_case_odd,
        cast(secfetch_missing as Nullable(Float64)) as secfetch_missing,
        cast(secfetch_incoherent as Nullable(Float64)) as secfetch_incoherent,
        cast(ch_ua_mismatch as Nullable(Float64)) as ch_ua_mismatch,
        cast(ch_platform_mismatch as Nullable(Float64)) as ch_platform_mismatch
    from entities
    inner join user_agents using (hour, client_ip, ja4_stable, host)
    left join header_orders using (hour, client_ip, ja4_stable, host)
    left join resumptions using (hour, client_ip, ja4_stable, host)
    left join fingerprints using (hour, client_ip)
    left join ua_surprise using (hour, client_ip, ja4_stable, ua_family)
    left join header_surprise using (hour, client_ip, ua_family, http_major, header_order_hash)
)

select * from joined

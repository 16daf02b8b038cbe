{{ hourly(
    order_by='(hour, client_ip, ja4_stable, host)',
    sources={'int_requests': 'ts'},
    keep='toIntervalDay(15)'
) }}

with source as (
    select *
    from {{ ref('int_requests') }}
    where {{ in_hour_window('ts') }}
),

hellos as (
    select
        hour,
        src_ip,
        ja4_stable
    from {{ ref('stg_tls_hellos') }}
    where {{ in_hour_window('ts') }}
),

user_agents as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        ua_family
    from {{ ref('int_entity_hour_requests') }}
    where {{ in_hour_window('hour') }}
),

entities as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        {{ commonest('source.client_os') }} as os,
        {{ commonest('source.h2_fingerprint') }} as h2_fingerprint,
        {{ commonest('source.tcp_stack') }} as tcp_stack,
        uniqExactIf(source.ja4, is_own_hello) as exact_forms,
        {{ smoothed_share('is_family_mismatch') }} as ua_ja4_known_mismatch,
        {{ smoothed_share('is_alpn_gap') }} as alpn_proto_gap,
        {{ smoothed_share('is_tls_floor_gap') }} as tls_floor_gap,
        {{ smoothed_share('is_grease_missing') }} as grease_missing,
        {{ smoothed_share('is_pq_missing') }} as pq_missing,
        {{ smoothed_share('is_ttl_mismatch') }} as ttl_os_mismatch,
        {{ smoothed_share('is_tcp_os_mismatch') }} as tcp_os_mismatch,
        {{ smoothed_share('is_h2_mismatch') }} as h2_ua_mismatch,
        {{ smoothed_share('is_mss_low') }} as mss_tunnel,
        {{ smoothed_share('is_sni_mismatch') }} as sni_host_mismatch
    from source
    group by hour, client_ip, ja4_stable, host
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

-- The populations below count client addresses, not requests.
ua_claims as (
    select distinct
        hour,
        client_ip,
        ja4_stable,
        splitByChar('_', ja4_stable)[1] as ja4_a,
        ua_family
    from source
    where is_own_hello and ja4_stable != ''
),

ua_of_ja4 as (
    {{ claims_of_others('ua_claims', ['ja4_stable', 'ja4_a'], 'ua_family', ['hour']) }}
),

-- Back-off for a fingerprint that no other client has: the first part of JA4 (version, counts, ALPN).
ua_claims_a as (
    select distinct
        hour,
        client_ip,
        ja4_a,
        ua_family
    from ua_claims
),

ua_of_ja4_a as (
    {{ claims_of_others('ua_claims_a', ['ja4_a'], 'ua_family', ['hour']) }}
),

ua_surprise as (
    select
        hour,
        client_ip,
        ja4_stable,
        ua_family,
        if(
            ua_of_ja4.total > 0,
            {{ surprise_bits('ua_of_ja4.hits', 'ua_of_ja4.total', 'ua_of_ja4.outcomes') }},
            {{ surprise_bits('ua_of_ja4_a.hits', 'ua_of_ja4_a.total', 'ua_of_ja4_a.outcomes') }}
        ) as ua_ja4_bits
    from ua_of_ja4
    inner join ua_of_ja4_a using (hour, client_ip, ja4_a, ua_family)
),

h2_claims as (
    select distinct
        hour,
        client_ip,
        ua_family,
        h2_fingerprint
    from source
    where h2_fingerprint is not null
),

h2_of_others as (
    {{ claims_of_others('h2_claims', ['ua_family'], 'h2_fingerprint', ['hour', 'ua_family']) }}
),

h2_surprise as (
    select
        hour,
        client_ip,
        ua_family,
        h2_fingerprint,
        {{ surprise_bits('hits', 'total', 'outcomes') }} as h2fp_ua_bits
    from h2_of_others
),

stack_claims as (
    select distinct
        hour,
        client_ip,
        client_os as os,
        tcp_stack
    from source
    where tcp_stack is not null and client_os is not null
),

stacks_of_others as (
    {{ claims_of_others('stack_claims', ['os'], 'tcp_stack', ['hour', 'os']) }}
),

stack_surprise as (
    select
        hour,
        client_ip,
        os,
        tcp_stack,
        {{ surprise_bits('hits', 'total', 'outcomes') }} as tcpsig_os_bits
    from stacks_of_others
),

joined as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        cast(ua_ja4_bits as Nullable(Float64)) as ua_ja4_bits,
        cast(ua_ja4_known_mismatch as Nullable(Float64)) as ua_ja4_known_mismatch,
        cast(alpn_proto_gap as Nullable(Float64)) as alpn_proto_gap,
        cast(tls_floor_gap as Nullable(Float64)) as tls_floor_gap,
        cast(grease_missing as Nullable(Float64)) as grease_missing,
        cast(pq_missing as Nullable(Float64)) as pq_missing,
        cast(h2fp_ua_bits as Nullable(Float64)) as h2fp_ua_bits,
        cast(ttl_os_mismatch as Nullable(Float64)) as ttl_os_mismatch,
        cast(tcpsig_os_bits as Nullable(Float64)) as tcpsig_os_bits,
        cast(tcp_os_mismatch as Nullable(Float64)) as tcp_os_mismatch,
        cast(h2_ua_mismatch as Nullable(Float64)) as h2_ua_mismatch,
        cast(mss_tunnel as Nullable(Float64)) as mss_tunnel,
        cast(sni_host_mismatch as Nullable(Float64)) as sni_host_mismatch,
        cast(nullIf(ja4_per_ip, 0) as Nullable(Float64)) as ja4_per_ip,
        cast(if(hellos < 2, null, exact_forms) as Nullable(Float64)) as ja4_exact_per_stable,
        cast(if(hellos < 2, null, later_resumed / hellos) as Nullable(Float64)) as resumption_ratio
    from entities
    inner join user_agents using (hour, client_ip, ja4_stable, host)
    left join resumptions using (hour, client_ip, ja4_stable, host)
    left join fingerprints using (hour, client_ip)
    left join ua_surprise using (hour, client_ip, ja4_stable, ua_family)
    left join h2_surprise using (hour, client_ip, ua_family, h2_fingerprint)
    left join stack_surprise using (hour, client_ip, os, tcp_stack)
)

select * from joined

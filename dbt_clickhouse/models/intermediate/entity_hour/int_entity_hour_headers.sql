{{ hourly(
    order_by='(hour, client_ip, ja4_stable, host)',
    sources={'int_requests': 'ts'},
    keep='toIntervalDay(15)'
) }}

-- One hour more than the window: a page read at 10:59 is the Referer of a click at 11:01.
with history as (
    select *
    from {{ ref('int_requests') }}
    where {{ in_hour_window('ts', hours_before=1) }}
),

source as (
    select
        *,
        row_number() over (
            partition by hour, client_ip, ja4_stable, host
            order by ts asc, conn_id asc, request_seq_on_conn asc
        ) as position,
        row_number() over (
            partition by hour, client_ip, ja4_stable, host, path
            order by ts asc, conn_id asc, request_seq_on_conn asc
        ) as position_on_path,
        {{ referer_path('referer', 'host') }} as referer_path
    from history
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

spoken as (
    select
        country,
        splitByChar('|', languages) as languages
    from {{ ref('countries') }}
),

spoken_to as (
    select
        *,
        if(language is null or empty(languages), null, not has(languages, language)) as is_foreign,
        if(position_on_path > 1 and method = 'GET', is_conditional, null) as is_repeated_conditional
    from source
    left join spoken using (country)
),

entities as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
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
        {{ smoothed_share('is_ch_platform_mismatch') }} as ch_platform_mismatch,
        {{ smoothed_share('is_client_hint_missing') }} as ch_missing,
        {{ smoothed_share('is_ch_brand_false') }} as ch_brand_false,
        {{ smoothed_share('is_encoding_poor') }} as encoding_poor,
        {{ smoothed_share('is_http10') }} as http10_share,
        {{ smoothed_share("is_foreign") }} as lang_geo_mismatch,
        {{ smoothed_share('if(position > 1, has_cookie, null)') }} as cookie_return,
        {{ smoothed_share("is_repeated_conditional") }} as conditional_ratio
    from spoken_to
    group by hour, client_ip, ja4_stable, host
),

-- The header order that most requests of an entity have; the larger text in a tie.
header_orders as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        http_major,
        header_order_hash
    from source
    where header_order_hash is not null
    group by hour, client_ip, ja4_stable, host, http_major, header_order_hash
    order by count() desc, header_order_hash desc
    limit 1 by hour, client_ip, ja4_stable, host
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

headers_of_others as (
    {{ claims_of_others(
        'header_claims', ['ua_family', 'http_major'], 'header_order_hash', ['hour', 'ua_family', 'http_major']
    ) }}
),

header_surprise as (
    select
        hour,
        client_ip,
        ua_family,
        http_major,
        header_order_hash,
        {{ surprise_bits('hits', 'total', 'outcomes') }} as hdr_order_bits
    from headers_of_others
),

agents_of_address as (
    select
        hour,
        client_ip,
        ja4_stable,
        uniqExact(user_agent) as ua_per_ja4ip
    from source
    where ja4_stable != ''
    group by hour, client_ip, ja4_stable
),

-- When an address first fetched a path, in the hour itself and for the hour after it.
fetched as (
    select
        arrayJoin([hour, addHours(hour, 1)]) as hour,
        client_ip,
        host,
        path as referer_path,
        min(ts) as fetched_ts
    from history
    group by hour, client_ip, host, referer_path
),

referers as (
    select
        source.hour as hour,
        source.client_ip as client_ip,
        source.ja4_stable as ja4_stable,
        source.host as host,
        -- Nullable, because an unmatched row of a left join is otherwise filled with 0.
        toNullable(
            countIf(toUnixTimestamp(fetched.fetched_ts) > 0 and fetched.fetched_ts <= source.ts) / count()
        ) as referer_valid
    from source
    left join fetched
        on
            source.hour = fetched.hour
            and source.client_ip = fetched.client_ip
            and source.host = fetched.host
            and source.referer_path = fetched.referer_path
    where source.referer_path != ''
    group by hour, client_ip, ja4_stable, host
),

joined as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        cast(hdr_order_bits as Nullable(Float64)) as hdr_order_bits,
        cast(hdr_orders as Nullable(Float64)) as hdr_orders,
        cast(hdr_required_missing as Nullable(Float64)) as hdr_required_missing,
        cast(hdr_case_odd as Nullable(Float64)) as hdr_case_odd,
        cast(secfetch_missing as Nullable(Float64)) as secfetch_missing,
        cast(secfetch_incoherent as Nullable(Float64)) as secfetch_incoherent,
        cast(ch_ua_mismatch as Nullable(Float64)) as ch_ua_mismatch,
        cast(ch_platform_mismatch as Nullable(Float64)) as ch_platform_mismatch,
        cast(ch_missing as Nullable(Float64)) as ch_missing,
        cast(ch_brand_false as Nullable(Float64)) as ch_brand_false,
        cast(encoding_poor as Nullable(Float64)) as encoding_poor,
        cast(http10_share as Nullable(Float64)) as http10_share,
        cast(lang_geo_mismatch as Nullable(Float64)) as lang_geo_mismatch,
        cast(cookie_return as Nullable(Float64)) as cookie_return,
        cast(referer_valid as Nullable(Float64)) as referer_valid,
        cast(conditional_ratio as Nullable(Float64)) as conditional_ratio,
        cast(nullIf(ua_per_ja4ip, 0) as Nullable(Float64)) as ua_per_ja4ip
    from entities
    inner join user_agents using (hour, client_ip, ja4_stable, host)
    left join header_orders using (hour, client_ip, ja4_stable, host)
    left join header_surprise using (hour, client_ip, ua_family, http_major, header_order_hash)
    left join agents_of_address using (hour, client_ip, ja4_stable)
    left join referers using (hour, client_ip, ja4_stable, host)
)

select * from joined

{{ hourly(
    order_by='(hour, ja4_stable, client_ip)',
    sources={'int_requests': 'ts'},
    keep='toIntervalDay(15)'
) }}

{%- set measures = ['reqs', 'ips', 'uas', 'paths'] %}

with counted as (
    select *
    from {{ ref('int_ja4_client_hour') }}
    where {{ in_hour_window('hour') }}
),

first_seen as (
    select
        ja4_stable,
        toNullable(first_ts) as first_ts,
        first_client_ip
    from {{ ref('stg_ja4_seen') }}
),

hours as (
    select distinct hour
    from counted
),

past as (
    select
        hour,
        ja4_stable,
        requests
    from {{ ref('fct_ja4_hour') }}
    where ja4_stable != '' and {{ in_hour_window('hour', hours_before=12 * 168) }}
),

-- What the fingerprint did in the same hour of earlier weeks; a deviation needs three weeks.
weekly as (
    select
        hours.hour as hour,
        past.ja4_stable as ja4_stable,
        groupArray(toFloat64(past.requests)) as requests_before,
        arrayReduce('quantileExactInclusive(0.5)', requests_before) as median,
        arrayReduce(
            'quantileExactInclusive(0.5)', arrayMap(n -> abs(n - median), requests_before)
        ) as deviation
    from hours
    cross join past
    where
        past.hour < hours.hour
        and past.hour >= subtractWeeks(hours.hour, 12)
        and dateDiff('hour', past.hour, hours.hour) % 168 = 0
    group by hour, ja4_stable
    having length(requests_before) >= 3
),

fingerprints as (
    select distinct
        hour,
        ja4_stable,
        reqs_all,
        ips_all,
        uas_all,
        paths_all
    from counted
),

-- How many fingerprints of the hour have at most each value.
{%- for measure in measures %}
    {{ measure }}_ladder as (
        select
            hour,
            {{ measure }}_all as {{ measure }},
            sum(count()) over (
                partition by hour order by {{ measure }}_all asc
                rows between unbounded preceding and current row
            ) as at_most
        from fingerprints
        group by hour, {{ measure }}
    ),
{%- endfor %}

fingerprint_totals as (
    select
        hour,
        count() - 1 as others
    from fingerprints
    group by hour
),

-- The fingerprint's own value stands on the ladder too: it is taken off where it is not above what is asked.
placed as (
    select
        counted.hour as hour,
        counted.ja4_stable as ja4_stable,
        counted.client_ip as client_ip,
        counted.reqs as reqs,
        counted.browser as browser,
        counted.h2h3 as h2h3,
        counted.contradicted as contradicted,
        counted.cacheable as cacheable,
        counted.network_weighted as network_weighted,
        fingerprint_totals.others as others,
        reqs_ladder.at_most - (counted.reqs_all <= counted.reqs) as reqs_at_most,
        ips_ladder.at_most - (counted.ips_all <= counted.ips) as ips_at_most,
        uas_ladder.at_most - (counted.uas_all <= counted.uas) as uas_at_most,
        paths_ladder.at_most - (counted.paths_all <= counted.paths) as paths_at_most
    from counted
    inner join fingerprint_totals on counted.hour = fingerprint_totals.hour
    asof left join reqs_ladder
        on counted.hour = reqs_ladder.hour and counted.reqs >= reqs_ladder.reqs
    asof left join ips_ladder
        on counted.hour = ips_ladder.hour and counted.ips >= ips_ladder.ips
    asof left join uas_ladder
        on counted.hour = uas_ladder.hour and counted.uas >= uas_ladder.uas
    asof left join paths_ladder
        on counted.hour = paths_ladder.hour and counted.paths >= paths_ladder.paths
),

joined as (
    select
        hour,
        ja4_stable,
        client_ip,
        cast(if(others = 0, null, 1 + others - reqs_at_most) as Nullable(Float64)) as ja4_reqs_rank,
        cast(if(others = 0, null, 1 + others - ips_at_most) as Nullable(Float64)) as ja4_ips_rank,
        cast(if(others = 0, null, 1 + others - uas_at_most) as Nullable(Float64)) as ja4_uas_rank,
        cast(if(others = 0, null, 1 + others - paths_at_most) as Nullable(Float64)) as ja4_paths_rank,
        cast(if(others = 0, null, reqs_at_most / others) as Nullable(Float64)) as ja4_reqs_quantile,
        cast(if(others = 0, null, ips_at_most / others) as Nullable(Float64)) as ja4_ips_quantile,
        cast(if(reqs = 0, null, browser / (reqs + 1)) as Nullable(Float64)) as ja4_browser_ratio,
        cast(if(reqs = 0, null, h2h3 / (reqs + 1)) as Nullable(Float64)) as ja4_h2h3_ratio,
        cast(if(reqs = 0, null, contradicted / (reqs + 1)) as Nullable(Float64)) as ja4_heuristic_ratio,
        cast(if(reqs = 0, null, cacheable / (reqs + 1)) as Nullable(Float64)) as ja4_cache_ratio,
        cast(
            if(reqs = 0, null, greatest(0, log2(reqs) - network_weighted / reqs)) as Nullable(Float64)
        ) as ja4_asn_entropy,
        cast(
            if(
                first_seen.first_ts is null or first_seen.first_client_ip = client_ip,
                null,
                greatest(0, dateDiff('second', first_seen.first_ts, hour) / 86400)
            ) as Nullable(Float64)
        ) as ja4_age_days,
        cast(
            if(
                empty(weekly.requests_before),
                null,
                (toFloat64(reqs) - weekly.median) / greatest(weekly.deviation, 1)
            ) as Nullable(Float64)
        ) as ja4_surge
    from placed
    left join first_seen using (ja4_stable)
    left join weekly using (hour, ja4_stable)
)

select * from joined

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

ordered as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        response_bytes,
        toUnixTimestamp64Micro(ts) as ts_us,
        row_number() over entity as position,
        lagInFrame(ts_us, 1) over entity as previous_us,
        lagInFrame(ts_us, 2) over entity as before_previous_us
    from source
    window entity as (
        partition by hour, client_ip, ja4_stable, host
        order by ts asc, conn_id asc, request_seq_on_conn asc
        rows between unbounded preceding and current row
    )
),

spaced as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        position,
        toFloat64(ifNull(response_bytes, 0)) as response_bytes,
        (ts_us - previous_us) / 1e6 as gap_s,
        (previous_us - before_previous_us) / 1e6 as previous_gap_s
    from ordered
),

gathered as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        count() as requests,
        avgIf(gap_s, position > 1) as mean_s,
        stddevPopIf(gap_s, position > 1) as deviation_s,
        corrStableIf(previous_gap_s, gap_s, position > 2) as correlation,
        {{ largest_count('toUInt64(floor(gap_s * 10))', 'position > 1') }} as most_alike,
        arraySort(groupArrayIf(gap_s, position > 1 and gap_s > 0)) as gaps_s,
        arraySort(groupArrayIf(response_bytes, response_bytes > 0)) as sizes
    from spaced
    group by hour, client_ip, ja4_stable, host
),

measured as (
    select
        *,
        if(empty(gaps_s), [], {{ quartiles('gaps_s') }}) as gap_quartiles,
        if(length(sizes) < 4, [], {{ quartiles('sizes') }}) as size_quartiles
    from gathered
),

connections as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        conn_id,
        min(toUnixTimestamp64Micro(ts)) as opened_us,
        max(toUnixTimestamp64Micro(ts) + ifNull(duration_us, 0)) as closed_us,
        minIf(hello_to_request_us, request_seq_on_conn = 1) as hello_to_request_us
    from source
    group by hour, client_ip, ja4_stable, host, conn_id
),

edges as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        sum(edge.2) over (
            partition by hour, client_ip, ja4_stable, host
            order by edge.1 asc, edge.2 desc
            rows between unbounded preceding and current row
        ) as open_now
    from connections
    array join [(opened_us, 1), (closed_us, -1)] as edge
),

parallel as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        max(open_now) as conc_max
    from edges
    group by hour, client_ip, ja4_stable, host
),

per_connection as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        count() as connections,
        quantileExactInclusiveOrNull(0.5) (hello_to_request_us) / 1000 as hello_to_req_ms
    from connections
    group by hour, client_ip, ja4_stable, host
),

joined as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        cast(if(requests < 4 or mean_s = 0, null, deviation_s / mean_s) as Nullable(Float64)) as iat_cv,
        cast(
            if(requests < 4 or mean_s = 0, null, (deviation_s - mean_s) / (deviation_s + mean_s))
            as Nullable(Float64)
        ) as burstiness,
        cast(
            if(requests < 4, null, {{ beacon_score('gaps_s', 'gap_quartiles') }}) as Nullable(Float64)
        ) as beacon_ts,
        cast(
            if(length(sizes) < 4, null, {{ beacon_score('sizes', 'size_quartiles') }}) as Nullable(Float64)
        ) as beacon_size,
        cast(if(requests < 5 or isNaN(correlation), null, correlation) as Nullable(Float64)) as lag1,
        cast(if(requests < 4, null, most_alike / (requests - 1)) as Nullable(Float64)) as mode_share,
        cast(conc_max as Nullable(Float64)) as conc_max,
        cast(requests / connections as Nullable(Float64)) as reqs_per_conn,
        cast(hello_to_req_ms as Nullable(Float64)) as hello_to_req_ms
    from measured
    inner join parallel using (hour, client_ip, ja4_stable, host)
    inner join per_connection using (hour, client_ip, ja4_stable, host)
)

select * from joined

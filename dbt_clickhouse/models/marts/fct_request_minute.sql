{{ hourly(
    order_by='(minute, client_ip, ja4_stable, host)',
    sources={'int_requests': 'ts'},
    partition_column='toStartOfHour(minute)',
    keep='toIntervalDay(7)'
) }}

with source as (
    select *
    from {{ ref('int_requests') }}
    where {{ in_hour_window('hour') }}
),

counted as (
    select
        minute,
        client_ip,
        ja4_stable,
        host,
        count() as requests,
        countIf(status between 400 and 499) as errors_4xx,
        countIf(status between 500 and 599) as errors_5xx,
        ifNull(sum(response_bytes), 0) as response_bytes
    from source
    group by minute, client_ip, ja4_stable, host
)

select * from counted

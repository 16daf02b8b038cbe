{{ hourly(
    order_by='(hour, client_ip)',
    sources={'raw_tls_hellos': 'ts'},
    keep='toIntervalDay(15)'
) }}

with hellos as (
    select
        ts,
        hour,
        sensor,
        conn_id,
        src_ip as client_ip,
        dst_ip,
        dst_port,
        ja4,
        ja4_stable
    from {{ ref('stg_tls_hellos') }}
    where not is_second_hello and {{ in_hour_window('ts') }}
),

-- One hour more than the window: the request of a hello of 10:59:59 comes at 11:00.
used as (
    select distinct
        sensor,
        conn_id,
        1 as is_used
    from {{ ref('stg_http_requests') }}
    where join_state in ('matched', 'ambiguous') and {{ in_hour_window('ts', hours_after=1) }}
),

marked as (
    select
        *,
        -- A server whose requests nobody reports would make every hello look unused.
        max(is_used) over (partition by hour, sensor, dst_ip, dst_port) = 1 as is_reported
    from hellos
    left join used using (sensor, conn_id)
),

clients as (
    select
        hour,
        client_ip,
        count() as hellos,
        countIf(is_used = 0) as unused_hellos,
        min(marked.ts) as first_hello_ts,
        max(marked.ts) as last_hello_ts,
        ifNull({{ commonest('marked.ja4') }}, '') as ja4,
        ifNull({{ commonest('marked.ja4_stable') }}, '') as ja4_stable
    from marked
    where is_reported
    group by hour, client_ip
)

select * from clients

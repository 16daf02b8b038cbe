{#
  Days and not hours are replaced, since a row that came late can join two sessions or move the start of one. Days that
  lost all requests are not looked for: forgetting an address deletes its sessions itself.
#}
{{ config(
    materialized='distributed_incremental' if on_a_cluster() else 'incremental',
    incremental_strategy='insert_overwrite',
    engine=stored_engine(),
    sharding_key='cityHash64(client_ip)',
    partition_by='toYYYYMMDD(started_minute)',
    order_by='(started_minute, client_ip, ja4_stable, host)',
    ttl='toDate(started_minute) + toIntervalDay(90)',
    settings={'ttl_only_drop_parts': 1},
    query_settings={'max_partitions_per_insert_block': 0},
    on_schema_change='append_new_columns',
) }}

-- Over whole days of the run: a session is known when the requests around it are.
with minutes as (
    select
        minute,
        client_ip,
        ja4_stable,
        host,
        requests,
        errors_4xx,
        response_bytes
    from {{ ref('fct_request_minute') }}
    where {{ in_day_window('minute') }}
),

marked as (
    select
        *,
        -- Before an entity's first minute of a day stands none: the default is far away.
        dateDiff('minute', lagInFrame(minute, 1, subtractDays(minute, 1)) over entity, minute) > 30
            as is_start
    from minutes
    window entity as (
        partition by toDate(minute), client_ip, ja4_stable, host
        order by minute asc
        rows between 1 preceding and current row
    )
),

numbered as (
    select
        *,
        sum(is_start) over (
            partition by toDate(minute), client_ip, ja4_stable, host
            order by minute asc
            rows between unbounded preceding and current row
        ) as session
    from marked
),

summed as (
    select
        min(numbered.minute) as started_minute,
        client_ip,
        ja4_stable,
        host,
        max(numbered.minute) as last_minute,
        count() as active_minutes,
        sum(numbered.requests) as requests,
        sum(numbered.errors_4xx) as errors_4xx,
        sum(numbered.response_bytes) as response_bytes
    from numbered
    group by toDate(numbered.minute), client_ip, ja4_stable, host, numbered.session
)

select * from summed

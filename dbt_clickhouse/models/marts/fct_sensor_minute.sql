{{ config(materialized='view') }}

with source as (
    select *
    from {{ ref('stg_agent_ticks') }}
),

summed as (
    select
        sensor,
        minute,
        {%- for counter in agent_counters() %}
            sum(source.{{ counter }}) as {{ counter }},
        {%- endfor %}
        cast(any(source.site) as LowCardinality(String)) as site,
        max(source.requests_waiting) as requests_waiting,
        argMax(source.clock_skew_us, abs(source.clock_skew_us)) as clock_skew_us
    from source
    group by sensor, minute
)

select * from summed

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
        max(source.requests_waiting) as requests_waiting
    from source
    group by sensor, minute
)

select * from summed

{{ hourly(order_by='(hour, country)', sources={'int_requests': 'ts'}) }}

with entities as (
    select *
    from {{ ref('fct_entity_hour') }}
    where {{ in_hour_window('hour') }}
),

summed as (
    select
        hour,
        country,
        uniqExact(entities.asn) as asns,
        uniqExact(entities.client_ip) as client_ips,
        uniqExact(entities.host) as hosts,
        uniqExactIf(entities.ja4_stable, entities.ja4_stable != '') as ja4s,
        uniqExact(entities.user_agent) as user_agents,
        {{ profile_totals('entities') }}
    from entities
    group by hour, country
)

select * from summed

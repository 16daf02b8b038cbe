{{ hourly(order_by='(hour, host)', sources={'int_requests': 'ts'}) }}

with entities as (
    select *
    from {{ ref('fct_entity_hour') }}
    where {{ in_hour_window('hour') }}
),

{{ registrable_domain_ctes('entities') }},

summed as (
    select
        hour,
        host,
        uniqExact(entities.client_ip) as client_ips,
        uniqExact(entities.asn) as asns,
        uniqExactIf(entities.ja4_stable, entities.ja4_stable != '') as ja4s,
        uniqExact(entities.user_agent) as user_agents,
        {{ profile_totals('entities') }}
    from entities
    group by hour, host
),

named as (
    select
        summed.*,
        registrable.registrable_domain as registrable_domain
    from summed
    left join registrable on toString(summed.host) = registrable.name
)

select * from named

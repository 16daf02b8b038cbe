{{ hourly(order_by='(hour, asn)', sources={'int_requests': 'ts'}) }}

with entities as (
    select *
    from {{ ref('fct_entity_hour') }}
    where {{ in_hour_window('hour') }}
),

summed as (
    select
        hour,
        asn,
        {{ intel('autonomous_system', 'name', 'toUInt64(asn)') }} as as_name,
        max(entities.asn_kind) as asn_kind,
        uniqExact(entities.client_ip) as client_ips,
        uniqExact(entities.host) as hosts,
        uniqExactIf(entities.ja4_stable, entities.ja4_stable != '') as ja4s,
        uniqExact(entities.user_agent) as user_agents,
        {{ profile_totals('entities') }}
    from entities
    group by hour, asn
)

select * from summed

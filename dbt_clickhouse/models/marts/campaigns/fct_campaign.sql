{{ config(materialized='view') }}

with hours as (
    select *
    from {{ ref('fct_campaign_hour') }}
),

states as (
    select
        campaign_id,
        status,
        merged_into,
        computed_at
    from hours
    order by hour desc
    limit 1 by campaign_id
),

-- What it looked like when it was last active; a row of a merge or an end has no members.
activity as (
    select
        campaign_id,
        first_seen,
        last_seen,
        summary
    from hours
    where hours.entities > 0
    order by hour desc
    limit 1 by campaign_id
),

located as (
    select
        *,
        {{ intel('asn', 'asn', 'client_ip') }} as asn
    from {{ source('campaign', 'campaign_members') }} {{ newest_by_key() }}
    where campaign_id != ''
),

members as (
    select
        campaign_id,
        min(hour) as first_hour,
        max(hour) as last_hour,
        uniqExact(hour) as hours,
        uniqExact(client_ip, ja4_stable, host) as entities,
        uniqExact(client_ip) as client_ips,
        uniqExactIf(ja4_stable, ja4_stable != '') as ja4s,
        uniqExactIf(asn, asn != 0) as asns,
        uniqExact(host) as hosts,
        sum(located.requests) as requests
    from located
    group by campaign_id
),

joined as (
    select
        campaign_id,
        status,
        merged_into,
        first_seen,
        last_seen,
        first_hour,
        last_hour,
        hours,
        entities,
        client_ips,
        ja4s,
        asns,
        hosts,
        members.requests as requests,
        summary,
        computed_at
    from states
    inner join activity using (campaign_id)
    inner join members using (campaign_id)
)

select * from joined

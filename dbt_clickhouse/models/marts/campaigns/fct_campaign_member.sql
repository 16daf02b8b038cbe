{{ config(materialized='view') }}

with source as (
    select *
    from {{ source('campaign', 'campaign_members') }} {{ newest_by_key() }}
    where campaign_id != ''
),

members as (
    select
        campaign_id,
        client_ip,
        ja4_stable,
        host,
        min(hour) as first_hour,
        max(hour) as last_hour,
        count() as hours,
        sum(source.requests) as requests,
        argMax(source.probability, hour) as probability
    from source
    group by campaign_id, client_ip, ja4_stable, host
),

-- Members' last hours only: a join alone would read every verdict that is kept.
judged as (
    select
        hour as last_hour,
        client_ip,
        ja4_stable,
        host,
        user_agent,
        verdict,
        reason,
        score_quantile
    from {{ ref('fct_entity_verdict') }}
    where (hour, client_ip, ja4_stable, host) in (
        select
            last_hour,
            client_ip,
            ja4_stable,
            host
        from members
    )
),

joined as (
    select
        campaign_id,
        client_ip,
        ja4_stable,
        host,
        first_hour,
        last_hour,
        hours,
        requests,
        probability,
        user_agent,
        if(judged.verdict = '', 'unknown', judged.verdict) as verdict,
        reason,
        score_quantile
    from members
    left join judged using (last_hour, client_ip, ja4_stable, host)
)

select * from joined

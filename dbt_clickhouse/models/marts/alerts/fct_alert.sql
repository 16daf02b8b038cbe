{{ config(materialized='view') }}

with source as (
    select *
    from {{ ref('fct_entity_verdict') }}
),

-- An analyst's label is a decision, whatever it says: what it is about leaves the queue until it ends.
undecided as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        requests,
        first_ts,
        last_ts,
        user_agent,
        asn,
        asn_kind,
        country,
        score_quantile,
        top_features,
        p_value,
        traffic_class,
        verdict,
        verdict_source,
        verdict_source_id,
        reason,
        evidence,
        suspicion
    from source
    where
        verdict in ('suspicious', 'bad_bot')
        and ifNull(verdict_source, '') != 'analyst'
)

select * from undecided

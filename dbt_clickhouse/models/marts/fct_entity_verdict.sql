{{ config(materialized='view') }}

with entities as (
    select *
    from {{ ref('fct_entity_hour') }}
),

-- toNullable, because an unmatched row of a left join is otherwise filled with 0 and ''.
scores as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        toNullable(anomaly_score) as anomaly_score,
        toNullable(score_quantile) as score_quantile,
        toNullable(threshold) as threshold,
        cast(model_name as Nullable(String)) as model_name,
        cast(model_version as Nullable(String)) as model_version,
        top_features,
        toNullable(scored_at) as scored_at
    from {{ source('judgement', 'bot_scores') }}
    order by scored_at desc, toUInt32OrZero(model_version) desc
    limit 1 by hour, client_ip, ja4_stable, host
),

decisions as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        toString(verdict) as verdict,
        cast(toString(source) as Nullable(String)) as verdict_source,
        cast(source_id as Nullable(String)) as verdict_source_id,
        toNullable(confidence) as confidence,
        toNullable(reason) as reason,
        evidence,
        toNullable(decided_at) as decided_at
    from {{ source('judgement', 'verdicts') }}
    order by decided_at desc, source_id asc
    limit 1 by hour, client_ip, ja4_stable, host
),

joined as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        requests,
        connections,
        first_ts,
        last_ts,
        user_agent,
        user_agents,
        ua_family,
        ua_version,
        ja4,
        paths,
        status_4xx,
        status_5xx,
        matched_requests,
        is_sufficient,
        anomaly_score,
        score_quantile,
        threshold,
        model_name,
        model_version,
        top_features,
        scored_at,
        if(verdict = '', 'unknown', verdict) as verdict,
        verdict_source,
        verdict_source_id,
        confidence,
        reason,
        evidence,
        decided_at
    from entities
    left join scores using (hour, client_ip, ja4_stable, host)
    left join decisions using (hour, client_ip, ja4_stable, host)
)

select * from joined

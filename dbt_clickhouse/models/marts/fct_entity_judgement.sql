{{ hourly(order_by='(hour, client_ip, ja4_stable, host)', sources={'int_requests': 'ts'}) }}

-- Stored, because three tables joined anew for every reader cost seconds where a day has a few hundred
-- thousand entity hours. 23 hours more than the window: whether a score is an alert depends on its whole day.
with entities as (
    select *
    from {{ ref('fct_entity_hour') }}
    where {{ in_hour_window('hour', hours_before=23) }}
),

-- In a tuple where null can be the value, which argMax would skip; toNullable, because an unmatched row of a
-- left join is otherwise filled with 0 and ''.
scores as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        toNullable(argMax(score.anomaly_score, newest)) as anomaly_score,
        toNullable(argMax(score.score_quantile, newest)) as score_quantile,
        toNullable(argMax(score.threshold, newest)) as threshold,
        cast(argMax(score.model_name, newest) as Nullable(String)) as model_name,
        cast(argMax(score.model_version, newest) as Nullable(String)) as model_version,
        -- Without names, which dbt spells otherwise than the engine and takes for a change of type.
        cast(
            argMax(score.top_features, newest),
            'Array(Tuple(String, Nullable(Float64), Nullable(Float64), Float64))'
        ) as top_features,
        tupleElement(argMax(tuple(score.p_value), newest), 1) as p_value,
        cast(argMax(score.traffic_class, newest) as String) as traffic_class,
        cast(argMax(score.is_alert, newest) as Bool) as is_alert,
        toNullable(max(score.scored_at)) as scored_at
    from (
        select
            *,
            (scored_at, toUInt32OrZero(model_version)) as newest
        from {{ source('judgement', 'bot_scores') }}
        where {{ in_hour_window('hour', hours_before=23) }}
    ) as score
    group by hour, client_ip, ja4_stable, host
),

decisions as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        toString(argMin(decision.verdict, newest)) as verdict,
        cast(toString(argMin(decision.source, newest)) as Nullable(String)) as verdict_source,
        cast(argMin(decision.source_id, newest) as Nullable(String)) as verdict_source_id,
        toNullable(argMin(decision.confidence, newest)) as confidence,
        toNullable(argMin(decision.reason, newest)) as reason,
        cast(argMin(decision.evidence, newest) as Map(LowCardinality(String), String)) as evidence,
        toNullable(max(decision.decided_at)) as decided_at
    from (
        select
            *,
            (-toUnixTimestamp64Micro(decided_at), source_id) as newest
        from {{ source('judgement', 'verdicts') }}
        where {{ in_hour_window('hour', hours_before=23) }}
    ) as decision
    group by hour, client_ip, ja4_stable, host
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
        asn,
        asn_kind,
        country,
        anomaly_score,
        score_quantile,
        threshold,
        model_name,
        model_version,
        top_features,
        p_value,
        traffic_class,
        is_alert,
        scored_at,
        if(decisions.verdict = '', 'unknown', decisions.verdict) as verdict,
        verdict_source,
        verdict_source_id,
        confidence,
        reason,
        evidence,
        decided_at
    from entities
    left join scores using (hour, client_ip, ja4_stable, host)
    left join decisions using (hour, client_ip, ja4_stable, host)
),

weighed as (
    select
        *,
        assumeNotNull({{ suspicion() }}) as suspicion
    from joined
)

select * from weighed

{{ config(materialized='view') }}

with entities as (
    select *
    from {{ ref('fct_entity_judgement') }}
),

-- What an analyst said outweighs every machine: the newest label of the narrowest scope.
labels as (
    select
        scope,
        ifNull(client_ip, toIPv6('::')) as client_ip,
        cast(ifNull(ja4, '') as LowCardinality(String)) as ja4_stable,
        cast(ifNull(host, '') as LowCardinality(String)) as host,
        label,
        toString(label_id) as label_id,
        concat('Labelled by ', user, if(note = '', '', concat(': ', note))) as said,
        labelled_at
    from {{ ref('dim_label') }}
    where is_active
),

entity_labels as (
    select
        client_ip,
        ja4_stable,
        host,
        argMax((label, label_id, said, labelled_at), labelled_at) as entity_label
    from labels
    where scope = 'entity'
    group by client_ip, ja4_stable, host
),

client_labels as (
    select
        client_ip,
        argMax((label, label_id, said, labelled_at), labelled_at) as client_label
    from labels
    where scope = 'client_ip'
    group by client_ip
),

ja4_labels as (
    select
        ja4_stable,
        argMax((label, label_id, said, labelled_at), labelled_at) as ja4_label
    from labels
    where scope = 'ja4_stable'
    group by ja4_stable
),

joined as (
    select
        *,
        multiIf(
            tupleElement(entity_label, 1) != '', entity_label,
            tupleElement(client_label, 1) != '', client_label,
            ja4_label
        ) as analyst_label
    from entities
    left join entity_labels using (client_ip, ja4_stable, host)
    left join client_labels using (client_ip)
    left join ja4_labels using (ja4_stable)
),

judged as (
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
        cast(
            top_features,
            'Array(Tuple(name String, value Nullable(Float64), norm Nullable(Float64), contribution Float64))'
        ) as top_features,
        p_value,
        traffic_class,
        is_alert,
        scored_at,
        tupleElement(analyst_label, 1) != '' as is_labelled,
        if(is_labelled, tupleElement(analyst_label, 1), joined.verdict) as verdict,
        if(is_labelled, 'analyst', joined.verdict_source) as verdict_source,
        if(is_labelled, tupleElement(analyst_label, 2), joined.verdict_source_id) as verdict_source_id,
        if(is_labelled, toFloat32(1), joined.confidence) as confidence,
        if(is_labelled, tupleElement(analyst_label, 3), joined.reason) as reason,
        evidence,
        if(is_labelled, tupleElement(analyst_label, 4), joined.decided_at) as decided_at,
        suspicion
    from joined
)

select * except (is_labelled) from judged

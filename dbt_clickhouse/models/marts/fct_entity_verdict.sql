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
        ifNull(ja4, '') as ja4_stable,
        ifNull(host, '') as host,
        argMax(
            (
                label,
                toString(label_id),
                concat('Labelled by ', user, if(note = '', '', concat(': ', note))),
                toNullable(labelled_at)
            ),
            labelled_at
        ) as label
    from {{ ref('dim_label') }}
    where is_active and scope in ('entity', 'client_ip', 'ja4_stable')
    group by scope, client_ip, ja4_stable, host
),

keyed_labels as (
    select
        label,
        multiIf(
            scope = 'entity', cityHash64(sipHash64(client_ip), sipHash64(ja4_stable), sipHash64(host)),
            scope = 'client_ip', cityHash64(sipHash64(client_ip)),
            sipHash64(ja4_stable)
        ) as label_key
    from labels
),

-- One value: the keys of the labels and, in the same order, the labels. Joined, even no label costs every
-- reader twice the time that its rows take; 64 bits tell as many labels apart as people can give.
(select (groupArray(label_key), groupArray(label)) from keyed_labels) as known, -- noqa: ST03

found as (
    select
        *,
        transform(
            cityHash64(sipHash64(client_ip), sipHash64(ja4_stable), sipHash64(host)),
            tupleElement(known, 1),
            arrayEnumerate(tupleElement(known, 1)),
            toUInt32(0)
        ) as entity_label,
        transform(
            cityHash64(sipHash64(client_ip)),
            tupleElement(known, 1),
            arrayEnumerate(tupleElement(known, 1)),
            toUInt32(0)
        ) as client_label,
        transform(
            sipHash64(ja4_stable), tupleElement(known, 1), arrayEnumerate(tupleElement(known, 1)), toUInt32(0)
        ) as ja4_label,
        multiIf(entity_label > 0, entity_label, client_label > 0, client_label, ja4_label) as label_number,
        label_number > 0 as is_labelled,
        tupleElement(known, 2)[label_number] as analyst_label
    from entities
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
        if(is_labelled, tupleElement(analyst_label, 1), found.verdict) as verdict,
        if(is_labelled, 'analyst', found.verdict_source) as verdict_source,
        if(is_labelled, tupleElement(analyst_label, 2), found.verdict_source_id) as verdict_source_id,
        if(is_labelled, toFloat32(1), found.confidence) as confidence,
        if(is_labelled, tupleElement(analyst_label, 3), found.reason) as reason,
        evidence,
        if(is_labelled, tupleElement(analyst_label, 4), found.decided_at) as decided_at,
        suspicion
    from found
)

select * from judged

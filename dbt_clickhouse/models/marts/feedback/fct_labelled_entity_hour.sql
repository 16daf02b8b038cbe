{{ config(materialized='view') }}

with labelled as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        is_sufficient,
        verdict as label,
        toUUIDOrZero(assumeNotNull(verdict_source_id)) as label_id
    from {{ ref('fct_entity_verdict') }}
    where verdict_source = 'analyst' and verdict != 'unknown'
),

labels as (
    select
        label_id,
        scope,
        user,
        note,
        labelled_at,
        expires_at
    from {{ ref('dim_label') }}
    where is_active
),

-- What rules and models had said, or say since: why somebody looked. Of labelled entity hours only: a join
-- alone would read every decision that is kept.
machines as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        toString(
            argMin(decision.verdict, (-toUnixTimestamp64Micro(decided_at), source_id))
        ) as machine_verdict
    from {{ source('judgement', 'verdicts') }} as decision
    where (hour, client_ip, ja4_stable, host) in (
        select
            hour,
            client_ip,
            ja4_stable,
            host
        from labelled
    )
    group by hour, client_ip, ja4_stable, host
),

joined as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        is_sufficient,
        label,
        label_id,
        scope,
        user,
        note,
        labelled_at,
        expires_at,
        if(machines.machine_verdict = '', 'unknown', machines.machine_verdict) as machine_verdict
    from labelled
    inner join labels using (label_id)
    left join machines using (hour, client_ip, ja4_stable, host)
)

select * from joined

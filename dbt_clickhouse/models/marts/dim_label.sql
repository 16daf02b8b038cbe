{{ config(materialized='view') }}

with source as (
    select *
    from {{ source('analyst', 'analyst_labels') }}
),

latest as (
    select
        label_id,
        labelled_at,
        min(labelled_at) over (partition by label_id) as first_labelled_at,
        user,
        toString(scope) as scope,
        client_ip,
        ja4,
        host,
        toString(label) as label,
        note,
        expires_at,
        is_revoked,
        not is_revoked and ifNull(expires_at > now64(6, 'UTC'), true) as is_active
    from source
    order by labelled_at desc
    limit 1 by label_id
)

select * from latest

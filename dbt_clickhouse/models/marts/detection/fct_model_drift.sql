{{ config(materialized='view') }}

with source as (
    select *
    from {{ source('model', 'model_drift') }} {{ newest_by_key() }}
),

renamed as (
    select
        hour,
        model_name,
        model_version,
        feature,
        psi,
        ks,
        unseen_ja4_share,
        entity_hours,
        computed_at
    from source
)

select * from renamed

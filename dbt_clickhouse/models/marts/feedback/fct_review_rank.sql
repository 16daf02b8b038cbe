{{ config(materialized='view') }}

with source as (
    select *
    from {{ source('review', 'review_ranks') }} {{ newest_by_key() }}
),

renamed as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        review_score,
        labels_used,
        model_name,
        model_version,
        computed_at
    from source
)

select * from renamed

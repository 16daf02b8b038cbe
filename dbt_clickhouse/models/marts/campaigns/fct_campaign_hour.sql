{{ config(materialized='view') }}

with source as (
    select *
    from {{ source('campaign', 'campaigns') }} {{ newest_by_key() }}
),

renamed as (
    select
        hour,
        campaign_id,
        toString(status) as status,
        merged_into,
        first_seen,
        last_seen,
        entities,
        client_ips,
        ja4s,
        asns,
        hosts,
        requests,
        summary,
        computed_at
    from source
    where source.status != 'withdrawn'
)

select * from renamed

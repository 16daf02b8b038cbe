with source as (
    select *
    from {{ source('intel', 'intel_networks') }}
    where source = 'crawler_ranges'
),

active as (
    select argMax(version, activated_at) as version
    from {{ source('intel', 'intel_sources') }}
    where source = 'crawler_ranges'
),

renamed as (
    select
        prefix,
        name,
        operator
    from source
    where version in (select active.version from active)
)

select * from renamed

with source as (
    select *
    from {{ source('intel', 'intel_disallowed_paths') }}
),

active as (
    select argMax(version, activated_at) as version
    from {{ source('intel', 'intel_sources') }}
    where source = 'robots'
),

renamed as (
    select
        host,
        pattern
    from source
    where version in (select active.version from active)
)

select * from renamed

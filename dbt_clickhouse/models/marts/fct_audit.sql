{{ config(materialized='view') }}

with source as (
    select *
    from {{ source('analyst', 'audit_log') }}
),

renamed as (
    select
        at,
        user,
        action,
        target,
        details
    from source
)

select * from renamed

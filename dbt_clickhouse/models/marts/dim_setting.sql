{{ config(materialized='view') }}

with source as (
    select *
    from {{ source('analyst', 'detection_settings') }}
),

latest as (
    select
        name,
        value,
        set_at,
        user,
        note
    from source
    order by set_at desc, user asc
    limit 1 by name
)

select * from latest

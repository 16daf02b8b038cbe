{{ config(materialized='view') }}

with source as (
    select *
    from {{ source('judgement', 'bot_identities') }}
),

latest as (
    select
        client_ip,
        claimed,
        operator,
        toString(method) as method,
        toString(state) as state,
        detail,
        checked_at
    from source
    order by checked_at desc
    limit 1 by client_ip, claimed
)

select * from latest

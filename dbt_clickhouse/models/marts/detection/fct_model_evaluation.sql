{{ config(materialized='view') }}

with source as (
    select *
    from {{ source('model', 'model_evaluations') }}
),

latest as (
    select
        model_name,
        model_version,
        data_set,
        slice,
        metric,
        value,
        low,
        high,
        identities,
        note,
        evaluated_at
    from source
    order by evaluated_at desc
    limit 1 by model_name, model_version, data_set, slice, metric
)

select * from latest

{{ config(materialized='view') }}

with source as (
    select *
    from {{ source('model', 'model_versions') }}
),

latest as (
    select
        model_name,
        model_version,
        alias,
        run_id,
        trained_at,
        window_start,
        window_end,
        training_rows,
        features,
        code_version,
        seed,
        reason,
        changed_at
    from source
    order by changed_at desc
    limit 1 by model_name, model_version
)

select * from latest

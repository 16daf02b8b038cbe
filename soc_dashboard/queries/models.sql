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
from dim_model
order by trained_at desc, model_name, model_version
limit 100

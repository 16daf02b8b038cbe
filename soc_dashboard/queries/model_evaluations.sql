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
from fct_model_evaluation
order by evaluated_at desc, model_name, model_version, data_set, slice, metric
limit 10000

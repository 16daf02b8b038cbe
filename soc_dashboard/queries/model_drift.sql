-- The newest comparison within the window of each model version and feature.
select
    model_name,
    model_version,
    feature,
    max(drift.hour) as newest_hour,
    argMax(drift.psi, drift.hour) as psi,
    argMax(drift.ks, drift.hour) as ks,
    argMax(drift.unseen_ja4_share, drift.hour) as unseen_ja4_share,
    argMax(drift.entity_hours, drift.hour) as entity_hours
from fct_model_drift as drift
where
    hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
group by model_name, model_version, feature
order by psi desc, feature
limit 2000

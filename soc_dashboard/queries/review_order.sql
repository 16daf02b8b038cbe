-- What the order that labels teach was learnt from, by the newest of its rows in the window; no row without any.
select
    argMax(ranks.labels_used, ranks.computed_at) as labels_used,
    argMax(ranks.model_name, ranks.computed_at) as model_name,
    argMax(ranks.model_version, ranks.computed_at) as model_version,
    max(ranks.computed_at) as computed_at
from fct_review_rank as ranks
where
    hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
having count() > 0

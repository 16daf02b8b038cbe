-- The stable form of each exact JA4 that was seen.
select
    ja4_stable,
    arrayJoin(variants) as ja4
from dim_ja4
order by last_seen desc
limit {limit:UInt32}

-- What is decided about each pair of client and stable JA4 since a time, the most telling first.
with
    judged as (
        select
            client_ip,
            ja4_stable,
            requests,
            last_ts,
            toString(verdict) as verdict,
            ifNull(verdict_source, '') as source,
            ifNull(verdict_source_id, '') as source_id,
            ifNull(reason, '') as reason,
            (indexOf({severity:Array(String)}, toString(verdict)), ifNull(score_quantile, -1)) as badness
        from fct_entity_verdict
        where hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    )

select
    replaceRegexpOne(toString(judged.client_ip), '^::ffff:([0-9.]+)$', '\\1') as client_ip,
    ja4_stable,
    argMax(judged.verdict, judged.badness) as verdict,
    argMax(judged.source, judged.badness) as source,
    argMax(judged.source_id, judged.badness) as source_id,
    argMax(judged.reason, judged.badness) as reason,
    sum(judged.requests) as requests,
    max(judged.last_ts) as last_seen
from judged
group by judged.client_ip, ja4_stable
order by max(judged.badness) desc, last_seen desc
limit {limit:UInt32}

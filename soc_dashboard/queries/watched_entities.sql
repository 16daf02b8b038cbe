-- The watch list, busiest first, with the label that each stands on it for.
with
    labels as (
        select
            toString(label_id) as label_id,
            first_labelled_at,
            user,
            note
        from dim_label
        where is_active
    )

select
    replaceRegexpOne(toString(watched.client_ip), '^::ffff:([0-9.]+)$', '\\1') as client_ip,
    watched.ja4_stable as ja4_stable,
    watched.host as host,
    watched.first_hour as first_hour,
    watched.last_hour as last_hour,
    watched.hours as hours,
    watched.requests as requests,
    watched.verdict as verdict,
    watched.score_quantile as score,
    toBool(watched.shares_network) as shares_network,
    toBool(watched.shares_ja4) as shares_ja4,
    watched.ja4_bits as ja4_bits,
    watched.label_id as label_id,
    labels.first_labelled_at as labelled_at,
    labels.user as user,
    labels.note as note,
    count() over () as total
from fct_watched_entity as watched
inner join labels on watched.label_id = labels.label_id
where
    {needle:String} = ''
    or positionCaseInsensitiveUTF8(watched.host, {needle:String}) > 0
    or positionCaseInsensitiveUTF8(watched.ja4_stable, {needle:String}) > 0
    or positionCaseInsensitiveUTF8(labels.user, {needle:String}) > 0
    or positionCaseInsensitiveUTF8(labels.note, {needle:String}) > 0
    or positionCaseInsensitiveUTF8(
        replaceRegexpOne(toString(watched.client_ip), '^::ffff:([0-9.]+)$', '\\1'), {needle:String}
    ) > 0
order by /* order */ requests desc, client_ip asc, ja4_stable asc, host asc
limit {limit:UInt32} offset {offset:UInt64}

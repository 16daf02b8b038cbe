-- The features that raised the scores of this fingerprint, strongest first.
with
    scored as (
        select top_features
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* scope */
            and notEmpty(top_features)
    ),

    features as (
        select arrayJoin(top_features) as feature
        from scored
    )

select
    tupleElement(feature, 'name') as name,
    quantileExactOrNull(0.5)(tupleElement(feature, 'value')) as value,
    quantileExactOrNull(0.5)(tupleElement(feature, 'norm')) as norm,
    sum(tupleElement(feature, 'contribution')) / scored_entity_hours as contribution,
    count() as entity_hours,
    (select count() from scored) as scored_entity_hours
from features
group by name
order by contribution desc, name
limit 5

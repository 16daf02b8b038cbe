-- Births, mergers and ends in the window of campaigns with members in scope, oldest first.
select
    hour,
    campaign_id,
    status,
    merged_into
from fct_campaign_hour
where
    hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    and status in ('born', 'merged', 'ended')
    and campaign_id in (
        select campaign_id
        from fct_campaign_member
        where
            first_hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* scope */
    )
order by hour asc, campaign_id asc
limit {limit:UInt32}

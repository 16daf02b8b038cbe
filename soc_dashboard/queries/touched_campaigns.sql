-- Campaigns with members in scope that were active since the window began.
with
    members as (
        select
            campaign_id,
            count() as entities
        from fct_campaign_member
        where
            last_hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            /* scope */
        group by campaign_id
    )

select
    members.campaign_id as campaign_id,
    members.entities as entities,
    campaign.summary as summary,
    count() over () as total
from members
left join fct_campaign as campaign on members.campaign_id = campaign.campaign_id
order by entities desc, campaign_id asc
limit {limit:UInt32}

-- Campaigns that were active in the window, over their whole life; what they did in it is counted apart.
with
    active as (
        select
            campaign_id,
            sum(campaign_hour.requests) as requests_inside
        from fct_campaign_hour as campaign_hour
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
        group by campaign_id
    )

select
    campaign.campaign_id as campaign_id,
    campaign.status as status,
    campaign.merged_into as merged_into,
    campaign.first_seen as first_seen,
    campaign.last_seen as last_seen,
    campaign.hours as hours,
    campaign.entities as entities,
    campaign.client_ips as client_ips,
    campaign.ja4s as ja4s,
    campaign.asns as asns,
    campaign.hosts as hosts,
    campaign.requests as requests,
    active.requests_inside as requests_inside,
    campaign.summary as summary,
    campaign.computed_at as computed_at,
    count() over () as total
from fct_campaign as campaign
inner join active on campaign.campaign_id = active.campaign_id
where
    campaign.status in {statuses:Array(String)}
    and (
        {needle:String} = ''
        or positionCaseInsensitiveUTF8(campaign.campaign_id, {needle:String}) > 0
        or positionCaseInsensitiveUTF8(campaign.summary, {needle:String}) > 0
    )
order by /* order */ requests_inside desc, campaign_id asc
limit {limit:UInt32} offset {offset:UInt64}

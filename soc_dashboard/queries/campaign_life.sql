-- What happened to a campaign, oldest first: its birth, its merger, its end; and what merged into it.
select
    hour,
    campaign_id,
    status,
    merged_into
from fct_campaign_hour
where
    (campaign_id = {campaign_id:String} and status in ('born', 'merged', 'ended'))
    or (ifNull(merged_into, '') = {campaign_id:String} and status = 'merged')
order by hour asc, campaign_id asc
limit {limit:UInt32}

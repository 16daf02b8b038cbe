select
    campaign_id,
    status,
    merged_into,
    first_seen,
    last_seen,
    hours,
    entities,
    client_ips,
    ja4s,
    asns,
    hosts,
    requests,
    requests as requests_inside,
    summary,
    computed_at,
    1 as total
from fct_campaign
where campaign_id = {campaign_id:String}
limit 1

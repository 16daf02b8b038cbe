-- Requests and entities per verdict; an entity counts under the verdict of each of its hours.
with
    judged as (
        select
            toUnixTimestamp(hour) as hour_s,
            client_ip,
            ja4_stable,
            host,
            toString(verdict) as verdict
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* scope */
    ),

    minutes as (
        select
            intDiv(toUnixTimestamp(minute), 3600) * 3600 as hour_s,
            client_ip,
            ja4_stable,
            host,
            sum(request_minute.requests) as requests
        from fct_request_minute as request_minute
        where
            minute >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
            and minute < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* scope */
        group by hour_s, client_ip, ja4_stable, host
    )

select
    if(judged.hour_s = 0, 'unknown', judged.verdict) as verdict,
    sum(minutes.requests) as requests,
    uniqExact(minutes.client_ip, minutes.ja4_stable, minutes.host) as entities
from minutes
left join judged
    on
        minutes.hour_s = judged.hour_s
        and minutes.client_ip = judged.client_ip
        and minutes.ja4_stable = judged.ja4_stable
        and minutes.host = judged.host
group by verdict
order by verdict

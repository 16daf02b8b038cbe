-- Requests per bar and verdict: each minute takes the verdict of its entity's hour.
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
            toUnixTimestamp(minute) as minute_s,
            intDiv(toUnixTimestamp(minute), 3600) * 3600 as hour_s,
            client_ip,
            ja4_stable,
            host,
            requests
        from fct_request_minute
        where
            minute >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
            and minute < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* scope */
    )

select
    toInt64(intDiv(minutes.minute_s, {bucket_s:UInt32}) * {bucket_s:UInt32}) as bucket_s,
    if(judged.hour_s = 0, 'unknown', judged.verdict) as verdict,
    sum(minutes.requests) as requests
from minutes
left join judged
    on
        minutes.hour_s = judged.hour_s
        and minutes.client_ip = judged.client_ip
        and minutes.ja4_stable = judged.ja4_stable
        and minutes.host = judged.host
group by bucket_s, verdict
order by bucket_s, verdict

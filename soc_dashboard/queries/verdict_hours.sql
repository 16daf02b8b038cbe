-- verdict_timeline for bars of whole hours: those that lie in the window are read as verdict_totals reads them.
with
    toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64} + 3599999999, 'UTC')) as whole_since,
    toStartOfHour(fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')) as whole_until,

    whole_hours as (
        select
            intDiv(toUnixTimestamp(hour), {bucket_s:UInt32}) * {bucket_s:UInt32} as bucket_s,
            toString(verdict) as verdict,
            sum(entity.requests) as requests
        from fct_entity_verdict as entity
        where
            hour >= whole_since
            and hour < whole_until
            /* scope */
        group by bucket_s, verdict
    ),

    cut_hours as (
        select
            hour,
            cityHash64(sipHash64(client_ip), sipHash64(ja4_stable), sipHash64(host)) as entity,
            toString(verdict) as verdict
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            and not (hour >= whole_since and hour < whole_until)
            /* scope */
    ),

    cut_minutes as (
        select
            toStartOfHour(minute) as hour,
            cityHash64(sipHash64(client_ip), sipHash64(ja4_stable), sipHash64(host)) as entity,
            requests
        from fct_request_minute
        where
            minute >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
            and minute < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            and not (minute >= whole_since and minute < whole_until)
            /* scope */
    ),

    counted as (
        select
            bucket_s,
            verdict,
            toInt64(requests) as requests
        from whole_hours
        union all
        select
            intDiv(toUnixTimestamp(cut_minutes.hour), {bucket_s:UInt32}) * {bucket_s:UInt32} as bucket_s,
            if(cut_hours.verdict = '', 'unknown', cut_hours.verdict) as verdict,
            toInt64(cut_minutes.requests) as requests
        from cut_minutes
        left join cut_hours on cut_minutes.hour = cut_hours.hour and cut_minutes.entity = cut_hours.entity
        union all
        -- What no judged hour counts: all requests of the bar's whole hours, less the judged ones.
        select
            intDiv(toUnixTimestamp(minute), {bucket_s:UInt32}) * {bucket_s:UInt32} as bucket_s,
            'unknown' as verdict,
            toInt64(requests) as requests
        from fct_request_minute
        where
            minute >= whole_since
            and minute < whole_until
            /* scope */
        union all
        select
            bucket_s,
            'unknown' as verdict,
            -toInt64(requests) as requests
        from whole_hours
    )

select
    toInt64(bucket_s) as bucket_s,
    verdict,
    sum(counted.requests) as requests
from counted
group by bucket_s, verdict
having requests > 0
order by bucket_s, verdict

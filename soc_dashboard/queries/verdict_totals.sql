-- Requests and entities per verdict; an entity counts under the verdict of each of its hours.
-- Hours that lie whole in the window are read from the judged hours, which already count their requests; only
-- the minutes of the hours that the window cuts are joined. Entities are told apart by a hash of their key.
with
    toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64} + 3599999999, 'UTC')) as whole_since,
    toStartOfHour(fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')) as whole_until,

    judged as (
        select
            hour,
            cityHash64(sipHash64(client_ip), sipHash64(ja4_stable), sipHash64(host)) as entity,
            toString(verdict) as verdict,
            requests
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            and requests > 0
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

    cut_hours as (
        select
            hour,
            entity,
            verdict
        from judged
        where not (hour >= whole_since and hour < whole_until)
    ),

    counted as (
        select
            verdict,
            requests,
            toNullable(entity) as entity
        from judged
        where hour >= whole_since and hour < whole_until
        union all
        select
            if(cut_hours.verdict = '', 'unknown', cut_hours.verdict) as verdict,
            cut_minutes.requests as requests,
            toNullable(cut_minutes.entity) as entity
        from cut_minutes
        left join cut_hours on cut_minutes.hour = cut_hours.hour and cut_minutes.entity = cut_hours.entity
        union all
        -- What no judged hour counts.
        select
            'unknown' as verdict,
            toUInt64(greatest(0, toInt64(sum(request_minute.requests)) - (
                select toInt64(sum(judged.requests))
                from judged
                where hour >= whole_since and hour < whole_until
            ))) as requests,
            null as entity
        from fct_request_minute as request_minute
        where
            minute >= whole_since
            and minute < whole_until
            /* scope */
    )

select
    verdict,
    sum(counted.requests) as requests,
    uniqExact(entity) as entities
from counted
group by verdict
having requests > 0
order by verdict

-- Requests per bar and how they met their handshake, of all sensors.
with
    minutes as (
        select
            intDiv(toUnixTimestamp(minute), {bucket_s:UInt32}) * {bucket_s:UInt32} as bucket,
            arrayJoin(
                [
                    ('matched', requests_matched),
                    ('ambiguous', requests_ambiguous),
                    ('midstream', requests_midstream),
                    ('no_hello', requests_no_hello),
                    ('cleartext', requests_cleartext)
                ]
            ) as counted
        from fct_sensor_minute
        where
            minute >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
            and minute < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    )

select
    toInt64(bucket) as bucket_s,
    counted.1 as join_state,
    sum(counted.2) as requests
from minutes
group by bucket_s, join_state
having requests > 0
order by bucket_s asc, join_state asc

-- Entities judged suspicious or bad bot in the window, and those of them not so judged in the days before.
with
    judged as (
        select
            client_ip,
            ja4_stable,
            host,
            countIf(hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))) as hours_inside,
            countIf(hour < toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))) as hours_before
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')) - toIntervalDay(7)
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            and toString(verdict) in ('suspicious', 'bad_bot')
        group by client_ip, ja4_stable, host
    )

select
    countIf(hours_inside > 0 and hours_before = 0) as entities,
    countIf(hours_inside > 0) as suspicious
from judged

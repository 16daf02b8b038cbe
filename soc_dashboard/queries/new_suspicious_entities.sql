-- Entities judged suspicious or bad bot in the window, and those of them not so judged in the days before.
-- Of the days before only the clients of the window are read; entities are told apart by a hash of their key.
with
    inside as (
        select
            client_ip,
            cityHash64(sipHash64(client_ip), sipHash64(ja4_stable), sipHash64(host)) as entity
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            and toString(verdict) in ('suspicious', 'bad_bot')
    ),

    before as (
        select cityHash64(sipHash64(client_ip), sipHash64(ja4_stable), sipHash64(host)) as entity
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')) - toIntervalDay(7)
            and hour < toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and client_ip in (select inside.client_ip from inside)
            and toString(verdict) in ('suspicious', 'bad_bot')
    )

select
    uniqExactIf(entity, entity not in (select before.entity from before)) as entities,
    uniqExact(entity) as suspicious
from inside

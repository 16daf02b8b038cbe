-- Entities judged suspicious or bad bot in the window, and those of them not so judged in the days before.
-- Of the days before only the clients of the window are read; entities are told apart by a hash of their key.
with
    hostile as (
        select
            client_ip,
            cityHash64(sipHash64(client_ip), sipHash64(ja4_stable), sipHash64(host)) as entity
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            and toString(verdict) in ('suspicious', 'bad_bot')
    ),

    -- One value, which the database computes once however often it is named.
    (select (groupUniqArray(client_ip), groupUniqArray(entity)) from hostile) as inside,

    known as (
        select uniqExact(cityHash64(sipHash64(client_ip), sipHash64(ja4_stable), sipHash64(host))) as entities
        from fct_entity_verdict
        where
            hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')) - toIntervalDay(7)
            and hour < toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
            and client_ip in (select arrayJoin(tupleElement(inside, 1)))
            and cityHash64(sipHash64(client_ip), sipHash64(ja4_stable), sipHash64(host)) in (
                select arrayJoin(tupleElement(inside, 2))
            )
            and toString(verdict) in ('suspicious', 'bad_bot')
    )

select
    toUInt64(length(tupleElement(inside, 2)) - known.entities) as entities,
    toUInt64(length(tupleElement(inside, 2))) as suspicious
from known

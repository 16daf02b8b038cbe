{{ hourly(
    order_by='(hour, client_ip, ja4_stable, host)',
    sources={'int_requests': 'ts'},
    keep='toIntervalDay(15)'
) }}

-- The 24 hours that end with each hour of the run: 23 hours more than the window.
with history as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        country,
        requests
    from {{ ref('int_entity_hour_requests') }}
    where {{ in_hour_window('hour', hours_before=23) }}
),

present as (
    select
        hour,
        client_ip,
        ja4_stable,
        host
    from history
    where {{ in_hour_window('hour') }}
),

zones as (
    select
        country,
        toFloat64(utc_offset_h) as utc_offset_h
    from {{ ref('countries') }}
),

localised as (
    select
        history.hour as seen_hour,
        history.client_ip as client_ip,
        history.ja4_stable as ja4_stable,
        history.host as host,
        history.requests as requests,
        zones.country != '' as has_zone,
        toHour(addMinutes(history.hour, toInt32(60 * zones.utc_offset_h))) between 1 and 4 as is_night
    from history
    left join zones using (country)
),

days as (
    select
        present.hour as hour,
        present.client_ip as client_ip,
        present.ja4_stable as ja4_stable,
        present.host as host,
        count() as hours_seen,
        sum(localised.requests) as requests_day,
        requests_day / 24 as mean,
        sqrt(greatest(0, sum(pow(localised.requests, 2)) / 24 - pow(mean, 2))) as deviation,
        arraySort(groupArray(toUnixTimestamp(localised.seen_hour))) as hours,
        sumIf(localised.requests, localised.is_night) as night_requests,
        max(localised.has_zone) as has_zone
    from present
    inner join localised
        on
            present.client_ip = localised.client_ip
            and present.ja4_stable = localised.ja4_stable
            and present.host = localised.host
    where localised.seen_hour <= present.hour and localised.seen_hour > subtractHours(present.hour, 24)
    group by hour, client_ip, ja4_stable, host
),

-- What part of everybody else's day on the host is night for them.
nights as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        sum(if(has_zone, night_requests, 0)) over everybody
        - sum(if(has_zone, night_requests, 0)) over client as others_night,
        sum(if(has_zone, requests_day, 0)) over everybody
        - sum(if(has_zone, requests_day, 0)) over client as others_day
    from days
    window
        everybody as (partition by hour, host),
        client as (partition by hour, host, client_ip)
),

measured as (
    select
        *,
        -- Longest run of consecutive hours: within a run, hour minus its position is constant.
        arrayMax(
            arrayMap(
                start -> countEqual(arrayMap((h, i) -> h / 3600 - i, hours, arrayEnumerate(hours)), start),
                arrayMap((h, i) -> h / 3600 - i, hours, arrayEnumerate(hours))
            )
        ) as longest_run
    from days
),

joined as (
    select
        hour,
        client_ip,
        ja4_stable,
        host,
        hours_seen,
        cast(if(hours_seen < 6, null, greatest(0, 1 - deviation / mean)) as Nullable(Float64)) as beacon_hist,
        cast(
            if(hours_seen < 6, null, greatest(hours_seen / 24, least(1, longest_run / 12)))
            as Nullable(Float64)
        ) as beacon_dur,
        cast(
            if(
                not has_zone or others_day = 0,
                null,
                night_requests / (requests_day + 1) - others_night / others_day
            ) as Nullable(Float64)
        ) as night_share
    from measured
    inner join nights using (hour, client_ip, ja4_stable, host)
)

select * from joined

{{ hourly(
    order_by='(minute, sensor)', sources={'stg_canary_requests': 'ts'}, partition_column='toStartOfHour(minute)'
) }}

with source as (
    select *
    from {{ ref('stg_canary_requests') }}
    where {{ in_hour_window('ts', hours_before=24) }}
),

-- With the day before, so that the hour that follows a gap sees it; with all that is stored an hour would
-- cost the more, the longer history is. By number and not by sensor: a canary may reach several servers
-- behind one name. Behind a proxy two sensors see one number.
followed as (
    select
        sensor,
        hour,
        minute,
        join_state = 'matched' as is_joined,
        is_joined and joined_label = sent_label as is_right,
        number - lagInFrame(number, 1, number - 1) over (
            partition by run
            order by number, sensor
            rows between 1 preceding and current row
        ) as step
    from source
),

counted as (
    select
        minute,
        sensor,
        count() as requests,
        countIf(is_right) as requests_right,
        countIf(is_joined and not is_right) as requests_wrong,
        countIf(not is_joined) as requests_unjoined,
        toUInt64(sum(greatest(step - 1, 0))) as requests_unreported
    from followed
    where {{ in_hour_window('hour') }}
    group by minute, sensor
)

select * from counted

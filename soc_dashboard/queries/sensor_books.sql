-- The books of every sensor that reported in the window or in the seven days before it; counters are those of the window.
with
    inside as (
        select
            *,
            minute >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') as is_inside
        from fct_sensor_minute
        where
            minute >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') - toIntervalDay(7)
            and minute < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    )

select
    sensor,
    argMax(inside.site, inside.minute) as site,
    max(inside.minute) as newest,
    countIf(inside.is_inside) as minutes,
    sumIf(inside.frames_seen, inside.is_inside) as frames_seen,
    sumIf(inside.frames_dropped_kernel, inside.is_inside) as frames_dropped_kernel,
    sumIf(inside.frames_undecodable, inside.is_inside) as frames_undecodable,
    sumIf(inside.hellos_complete, inside.is_inside) as hellos_complete,
    sumIf(inside.hellos_reassembled, inside.is_inside) as hellos_reassembled,
    sumIf(inside.hellos_truncated, inside.is_inside) as hellos_truncated,
    sumIf(inside.hellos_malformed, inside.is_inside) as hellos_malformed,
    sumIf(inside.hellos_unused, inside.is_inside) as hellos_unused,
    sumIf(
        inside.flows_evicted_full + inside.epochs_evicted_full + inside.fragments_evicted_full, inside.is_inside
    ) as evicted_full,
    sumIf(
        inside.streams_evicted_bytes + inside.streams_evicted_segments + inside.streams_evicted_timeout,
        inside.is_inside
    ) as half_hellos_evicted,
    sumIf(inside.http_events_seen, inside.is_inside) as http_events_seen,
    sumIf(inside.http_events_lost, inside.is_inside) as http_events_lost,
    sumIf(inside.http_events_rejected, inside.is_inside) as http_events_rejected,
    sumIf(inside.http_events_dropped, inside.is_inside) as http_events_dropped,
    sumIf(inside.http_events_duplicate, inside.is_inside) as http_events_duplicate,
    sumIf(inside.http_events_excluded, inside.is_inside) as http_events_excluded,
    sumIf(inside.requests_matched, inside.is_inside) as requests_matched,
    sumIf(inside.requests_ambiguous, inside.is_inside) as requests_ambiguous,
    sumIf(inside.requests_midstream, inside.is_inside) as requests_midstream,
    sumIf(inside.requests_no_hello, inside.is_inside) as requests_no_hello,
    sumIf(inside.requests_cleartext, inside.is_inside) as requests_cleartext,
    argMax(inside.requests_waiting, inside.minute) as requests_waiting,
    sumIf(inside.rows_inserted, inside.is_inside) as rows_inserted,
    sumIf(inside.rows_spooled, inside.is_inside) as rows_spooled,
    sumIf(inside.rows_discarded, inside.is_inside) as rows_discarded,
    argMaxIf(inside.clock_skew_us, inside.minute, inside.clock_skew_us is not null) as clock_skew_us
from inside
group by sensor
order by sensor
limit {limit:UInt32}

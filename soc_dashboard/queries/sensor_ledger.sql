select
    sensor,
    max(ledger.minute) as newest,
    sum(ledger.frames_seen) as frames_seen,
    sum(ledger.frames_dropped_kernel) as frames_dropped_kernel,
    sum(ledger.http_events_seen) as http_events_seen,
    sum(ledger.http_events_lost) as http_events_lost,
    sum(ledger.http_events_dropped) as http_events_dropped,
    sum(ledger.requests_matched) as requests_matched,
    sum(
        ledger.requests_matched + ledger.requests_ambiguous + ledger.requests_midstream + ledger.requests_no_hello
    ) as requests_tls,
    sum(
        ledger.hellos_complete + ledger.hellos_reassembled + ledger.hellos_truncated + ledger.hellos_malformed
    ) as hellos,
    sum(ledger.hellos_unused) as hellos_unused
from fct_sensor_minute as ledger
where
    minute >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
    and minute < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
group by sensor
order by sensor
limit 200

select
    sensor,
    max(accuracy.minute) as newest,
    sum(accuracy.requests) as requests,
    sum(accuracy.requests_right) as requests_right,
    sum(accuracy.requests_wrong) as requests_wrong,
    sum(accuracy.requests_unreported) as requests_unreported
from fct_join_accuracy as accuracy
where
    minute >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
    and minute < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
group by sensor
order by sensor
limit 200

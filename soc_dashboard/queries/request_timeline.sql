-- Requests per bar and class of the status code.
select
    toInt64(intDiv(toUnixTimestamp(ts), {bucket_s:UInt32}) * {bucket_s:UInt32}) as bucket_s,
    toUInt8(intDiv(status, 100)) as status_class,
    count() as requests
from fct_request
where
    ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
    and ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    /* search */
group by bucket_s, status_class
order by bucket_s, status_class

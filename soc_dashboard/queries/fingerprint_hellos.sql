select
    toInt64(toUnixTimestamp(hour)) as hour_s,
    sum(ja4_hour.hellos) as hellos,
    sum(ja4_hour.hellos_unused) as hellos_unused
from fct_ja4_hour as ja4_hour
where
    hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    and ja4_stable = {ja4_stable:String}
group by hour_s
order by hour_s

-- One network over the window, of whole hours; no row when it sent nothing.
select
    any(network.asn_kind) as kind,
    sum(network.connections) as connections,
    sum(network.login_failures) as login_failures,
    sum(network.response_bytes) as response_bytes,
    min(network.first_ts) as first_ts,
    max(network.last_ts) as last_ts
from fct_asn_hour as network
where
    hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))
    and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
    and asn = {asn:UInt32}
group by asn

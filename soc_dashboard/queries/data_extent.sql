select
    nullIf(min(minute), toDateTime64(0, 0, 'UTC')) as oldest,
    nullIf(max(minute), toDateTime64(0, 0, 'UTC')) as newest
from fct_request_minute

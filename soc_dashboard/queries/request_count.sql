-- Requests that match, counted up to a limit: a page number needs no more, and counting on costs a whole scan.
with
    matching as (
        select 1
        from fct_request
        where
            ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
            and ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
            /* search */
        limit {most:UInt64}
    )

select count() as requests
from matching

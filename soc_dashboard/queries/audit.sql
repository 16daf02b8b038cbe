-- With `is_ranged` only what was done within the bounds; else of all time.
select
    at,
    user,
    action,
    target,
    details,
    count() over () as total
from fct_audit
where
    (
        {is_ranged:UInt8} = 0
        or (
            at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
            and at < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
        )
    )
    and ({action:String} = '' or action = {action:String})
    and (
        {needle:String} = ''
        or positionCaseInsensitiveUTF8(user, {needle:String}) > 0
        or positionCaseInsensitiveUTF8(action, {needle:String}) > 0
        or positionCaseInsensitiveUTF8(target, {needle:String}) > 0
        or positionCaseInsensitiveUTF8(details, {needle:String}) > 0
    )
order by at desc, user asc, target asc
limit {limit:UInt32} offset {offset:UInt64}

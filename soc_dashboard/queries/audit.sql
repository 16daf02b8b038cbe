select
    at,
    user,
    action,
    target,
    details,
    count() over () as total
from fct_audit
where
    {needle:String} = ''
    or positionCaseInsensitiveUTF8(user, {needle:String}) > 0
    or positionCaseInsensitiveUTF8(action, {needle:String}) > 0
    or positionCaseInsensitiveUTF8(target, {needle:String}) > 0
    or positionCaseInsensitiveUTF8(details, {needle:String}) > 0
order by at desc, user asc, target asc
limit {limit:UInt32} offset {offset:UInt64}

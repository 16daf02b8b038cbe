select
    name,
    value,
    set_at,
    user,
    note
from dim_setting
order by name

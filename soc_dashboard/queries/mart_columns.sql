select
    table as mart,
    name as column
from system.columns
where
    database = currentDatabase()
    and table in {marts:Array(String)}
order by mart, column

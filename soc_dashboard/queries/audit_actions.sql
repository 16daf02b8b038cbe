select distinct action
from fct_audit
order by action
limit 50

select
    table as mart,
    name as column
from system.columns
where
    database = currentDatabase()
    and table in (
        'fct_entity_hour',
        'fct_ja4_hour',
        'fct_request_minute',
        'fct_entity_verdict',
        'fct_request',
        'dim_ja4',
        'fct_join_accuracy',
        'fct_sensor_minute'
    )
order by mart, column

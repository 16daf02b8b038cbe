{# Fails for every key of the run's hours that more than one row has, or that is null in part. #}
{% test unique_key(model, columns) %}

select
    {{ columns | join(', ') }},
    count() as occurrences
from {{ model }}{{ where_built(model) }}
group by {{ columns | join(', ') }}
having count() > 1{% for column in columns %} or {{ column }} is null{% endfor %}

{% endtest %}

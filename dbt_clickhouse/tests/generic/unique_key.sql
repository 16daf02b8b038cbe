{# Fails for every key that more than one row has, or that is null in part. #}
{% test unique_key(model, columns) %}

select
    {{ columns | join(', ') }},
    count() as occurrences
from {{ model }}
group by {{ columns | join(', ') }}
having count() > 1{% for column in columns %} or {{ column }} is null{% endfor %}

{% endtest %}

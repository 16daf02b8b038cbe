{# Fails for every row whose value lies outside [low, high] or is no number; null passes. #}
{% test between(model, column_name, low, high=none) %}

select {{ column_name }}
from {{ model }}
where
    {{ column_name }} < {{ low }}
    or {{ column_name }} > {{ 'inf' if high is none else high }}
    or isNaN(ifNull(toFloat64({{ column_name }}), 0))

{% endtest %}

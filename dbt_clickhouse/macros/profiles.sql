{# What the hourly profiles of addresses, networks, countries and hosts count alike, over entity hours. #}
{% macro profile_totals(entities) -%}
    sum({{ entities }}.requests) as requests,
    sum({{ entities }}.connections) as connections,
    sum({{ entities }}.pages) as pages,
    sum({{ entities }}.status_4xx) as status_4xx,
    sum({{ entities }}.status_5xx) as status_5xx,
    sum({{ entities }}.login_failures) as login_failures,
    sum({{ entities }}.response_bytes) as response_bytes,
    min({{ entities }}.first_ts) as first_ts,
    max({{ entities }}.last_ts) as last_ts
{%- endmacro %}

{#
  Reference data about an address. Alembic owns the dictionaries, Dagster the rows behind them (ja4_assets/intel).
  Empty text or 0 where the data say nothing.
#}
{% macro intel(dictionary, attribute, key) -%}
    {%- set database = env_var('JA4_CLICKHOUSE_DATABASE', 'ja4_processing') if execute else 'ja4_processing' -%}
    dictGet('{{ database }}.intel_{{ dictionary }}', '{{ attribute }}', {{ key }})
{%- endmacro %}


{#
  What the published ranges say of a user agent that names a crawler: verified (the address is in the ranges of that
  crawler), false (it has ranges, and the address is in none), unverifiable (it publishes none); none for others.
#}
{% macro crawler_state(is_declared_bot, ua_family, crawler_range, published) -%}
    toLowCardinality(multiIf(
        not {{ is_declared_bot }}, 'none',
        lower({{ ua_family }}) not in (select {{ published }}.name from {{ published }}), 'unverifiable',
        lower({{ crawler_range }}) = lower({{ ua_family }}), 'verified',
        'false'
    ))
{%- endmacro %}

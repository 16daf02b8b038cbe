{#
  Collapses the rows of one key in a ReplacingMergeTree source. A macro, because unit tests put a subquery in the
  place of the table, where ClickHouse refuses FINAL, and override this with nothing.
#}
{% macro newest_by_key() -%}
    final
{%- endmacro %}

{#
  Restricts a timestamp column to the hours of this run (vars start_hour and end_hour, UTC, half-open), widened
  by `margin_hours` at the end. Renders `1` without the vars: the run then covers all that is stored.
#}
{% macro in_hour_window(column, margin_hours=0) -%}
    {%- set start = var('start_hour', none) -%}
    {%- set end = var('end_hour', none) -%}
    {%- if (start is none) != (end is none) -%}
        {{ exceptions.raise_compiler_error("give both start_hour and end_hour, or neither") }}
    {%- endif -%}
    {%- if start is none -%}
        1
    {%- else -%}
        {{ column }} >= toDateTime64('{{ start }}', 6, 'UTC')
        and {{ column }} < toDateTime64('{{ end }}', 6, 'UTC') + toIntervalHour({{ margin_hours }})
    {%- endif -%}
{%- endmacro %}


{#
  The hour of a timestamp. DateTime64(0) because the embedded engine drops the zone of DateTime('UTC') columns.
#}
{% macro hour_of(column) -%}
    toDateTime64(toStartOfHour({{ column }}), 0, 'UTC')
{%- endmacro %}


{% macro minute_of(column) -%}
    toDateTime64(toStartOfMinute({{ column }}), 0, 'UTC')
{%- endmacro %}

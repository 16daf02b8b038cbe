{#
  Restricts a timestamp column to the hours of this run, widened by `hours_before` at the start and `hours_after` at the end. The environment
  names them: JA4_START_HOUR and JA4_END_HOUR, UTC, half-open, as 2026-11-22 13:00:00. Renders `1` without
  them: the run then covers all that is stored.

  Not `--vars`: dbt throws its saved parse away when those change, and parsing took longer than building. Read
  when dbt executes and not when it parses, because dbt also parses a model anew when a variable it read changes.
#}
{% macro in_hour_window(column, hours_before=0, hours_after=0) -%}
    {%- set start = env_var('JA4_START_HOUR', '') if execute else '' -%}
    {%- set end = env_var('JA4_END_HOUR', '') if execute else '' -%}
    {%- if (start == '') != (end == '') -%}
        {{ exceptions.raise_compiler_error("give both JA4_START_HOUR and JA4_END_HOUR, or neither") }}
    {%- endif -%}
    {%- if start == '' -%}
        1
    {%- else -%}
        {{ column }} >= toDateTime64('{{ start }}', 6, 'UTC') - toIntervalHour({{ hours_before }})
        and {{ column }} < toDateTime64('{{ end }}', 6, 'UTC') + toIntervalHour({{ hours_after }})
    {%- endif -%}
{%- endmacro %}


{#
  Restricts a timestamp column to the UTC days that the hours of this run touch; see in_hour_window.
#}
{% macro in_day_window(column) -%}
    {%- set start = env_var('JA4_START_HOUR', '') if execute else '' -%}
    {%- set end = env_var('JA4_END_HOUR', '') if execute else '' -%}
    {%- if start == '' -%}
        {{ in_hour_window(column) }}
    {%- else -%}
        {{ column }} >= toDateTime64(toStartOfDay(toDateTime64('{{ start }}', 6, 'UTC')), 6, 'UTC')
        and {{ column }} < toDateTime64(
            toStartOfDay(toDateTime64('{{ end }}', 6, 'UTC') - toIntervalHour(1)) + toIntervalDay(1), 6, 'UTC'
        )
    {%- endif -%}
{%- endmacro %}


{#
  For data tests: ` where` the rows that this run built, or nothing if it covers all that is stored or the model
  has neither hours nor minutes. A test of an hour would otherwise read all of history, on every run.
#}
{% macro where_built(model) -%}
    {%- if execute and env_var('JA4_START_HOUR', '') != '' -%}
        {%- set names = adapter.get_columns_in_relation(model) | map(attribute='name') | list -%}
        {%- set column = 'hour' if 'hour' in names else ('minute' if 'minute' in names else '') -%}
        {%- if column != '' %} where {{ in_hour_window(column) }}{% endif -%}
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

{#
  Configuration of an hourly mart: one partition an hour, replaced whole by a run over that hour.

  insert_overwrite, because REPLACE PARTITION is atomic: a reader sees the hour before or after, and a run that
  dies changes nothing. delete+insert was rejected: readers see the hour missing between its two statements,
  and an entity that late data moved out of the hour would stay. microbatch was rejected: it runs one query
  per hour since `begin`. Price: one part an hour and table. An hour that became empty keeps its old rows.

  A new column is added to what is stored, with null or 0 in hours that are not built again. --full-refresh loses
  the hours that are older than the raw rows.

  `partition_column` is the expression over the mart's time column that gives the hour: reads that restrict this
  column skip the other partitions.
#}
{% macro hourly(order_by, partition_column='hour', keep='toIntervalDay(90)') -%}
    {{ config(
        materialized='incremental',
        incremental_strategy='insert_overwrite',
        partition_by='toYYYYMMDDhhmmss(' ~ partition_column ~ ')',
        order_by=order_by,
        ttl='toDate(' ~ partition_column ~ ') + ' ~ keep,
        settings={'ttl_only_drop_parts': 1},
        query_settings={'max_partitions_per_insert_block': 0},
        on_schema_change='append_new_columns',
    ) }}
{%- endmacro %}

{#
  Configuration of an hourly model: one partition an hour, replaced whole by a run over that hour.

  insert_overwrite, because REPLACE PARTITION is atomic: a reader sees the hour before or after, and a run that
  dies changes nothing. delete+insert was rejected: readers see the hour missing between its two statements,
  and an entity that late data moved out of the hour would stay. microbatch was rejected: it runs one query
  per hour since `begin`. Price: one part an hour and table.

  `sources` names the tables without whose rows an hour has none here either, each with its time column. Hours of the
  run that none of them has any more are dropped after the build.

  A new column is added to what is stored, with null or 0 in hours that are not built again. --full-refresh loses
  the hours that are older than the raw rows.

  `partition_column` is the expression over the model's time column that gives the hour: reads that restrict this
  column skip the other partitions.
#}
{% macro hourly(order_by, sources, partition_column='hour', keep='toIntervalDay(90)') -%}
    {{ config(
        materialized='distributed_incremental' if on_a_cluster() else 'incremental',
        incremental_strategy='insert_overwrite',
        engine=stored_engine(),
        sharding_key=sharding_key(order_by),
        partition_by='toYYYYMMDDhhmmss(' ~ partition_column ~ ')',
        order_by=order_by,
        ttl='toDate(' ~ partition_column ~ ') + ' ~ keep,
        settings={'ttl_only_drop_parts': 1},
        query_settings={'max_partitions_per_insert_block': 0},
        on_schema_change='append_new_columns',
        meta={'emptied_with': sources, 'hour_of_row': partition_column},
        post_hook='{{ drop_emptied_hours() }}' if on_a_cluster() else [],
    ) }}
{%- endmacro %}


{#
  Drops the hours of this run that have rows in `this` and none in any of `sources` (table -> time column).

  Hours older than the oldest raw request stay: there the raw rows have expired and the mart is the only record.
  With no raw request at all nothing is dropped, for the same reason. min() and not minOrNull(), which the engine does not
  answer from the parts' own bounds: it would read the times of all that is stored, after every model.

  On one machine the materialisation calls this, when an hour of the run got no rows; on a cluster it is a hook.
#}
{% macro drop_emptied_hours() -%}
    {%- if execute -%}
        {%- set meta = config.get('meta') -%}
        {%- set partition_column = meta['hour_of_row'] -%}
        {%- set emptied -%}
            with
                oldest as (
                    select if(count() = 0, toDateTime('2100-01-01', 'UTC'), toStartOfHour(min(ts))) as hour
                    from {{ source('sensor', 'raw_http_requests') }}
                ),

                stored as (
                    {%- for table, column in meta['emptied_with'].items() %}
                        select distinct toStartOfHour({{ column }}) as hour
                        from {{ this.incorporate(path={'identifier': table}) }}
                        where {{ in_hour_window(column) }}
                        {% if not loop.last %}union distinct{% endif %}
                    {%- endfor %}
                )

            select distinct toYYYYMMDDhhmmss({{ partition_column }}) as emptied_hour
            from {{ this }}
            where
                {{ in_hour_window(partition_column) }}
                and {{ partition_column }} >= (select oldest.hour from oldest)
                and {{ partition_column }} not in (select stored.hour from stored)
        {%- endset -%}
        {%- for row in run_query(emptied).rows -%}
            {%- set local = this.incorporate(path={'identifier': this.identifier ~ ('_local' if on_a_cluster() else '')}) -%}
            {%- do run_query(
                "alter table " ~ local ~ on_cluster_clause(this) ~ " drop partition " ~ row['emptied_hour']
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

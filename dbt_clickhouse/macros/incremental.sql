{#
  An incremental model of this project on one machine, built again: the adapter's insert_overwrite, with fewer questions.

  The adapter asks the engine three times what the model's query gives (new columns, the contract, the table for the new
  rows), which for queries of this size took as long as a quarter of the build itself. Here the table for the new rows is
  made like the stored one, whose columns are compared with those that the model's yml describes. Where they differ,
  where nothing is stored yet, for a full refresh and on a cluster, the adapter's own materialisation does the work: it
  adds new columns, refuses other types, and holds the query against its contract.

  Rows are complete before a reader sees one, and nothing changes when the query fails, as with the adapter's.
#}
{% materialization incremental, adapter='clickhouse' %}
    {%- set stored = load_cached_relation(this) -%}
    {%- if stored is none or stored.is_view or should_full_refresh() or not has_described_columns(stored) -%}
        {%- set built = dbt.materialization_incremental_clickhouse() -%}
        {%- if stored is not none and is_hourly() -%} {%- do drop_emptied_hours() -%} {%- endif -%}
        {{ return(built) }}
    {%- endif -%}
    {%- set arriving = stored.incorporate(
        path={'identifier': this.identifier ~ '__dbt_new_data_' ~ invocation_id.replace('-', '_')}
    ) -%}

    {{ run_hooks(pre_hooks) }}
    {%- call statement('like_stored') -%} create table {{ arriving }} as {{ stored }} {%- endcall -%}
    {%- set names -%}
        {%- for name in model.columns -%} {{ adapter.quote(name) }}{{ ', ' if not loop.last }} {%- endfor -%}
    {%- endset -%}
    {%- call statement('main') -%}
        insert into {{ arriving }} ({{ names }})
        select {{ names }} from (
            {{ sql }}
        )
        {{ adapter.get_model_query_settings(model) }}
    {%- endcall -%}
    {%- set partitions = run_query(partitions_to_settle(stored, arriving)).rows -%}
    {%- set replaced = partitions | selectattr('has_arrived') | map(attribute='partition_id') | list -%}
    {%- if replaced -%}
        {%- call statement('replace_partitions') -%}
            alter table {{ stored }}
            {% for partition in replaced -%}
                replace partition id '{{ partition }}' from {{ arriving }}{{ ', ' if not loop.last }}
            {% endfor %}
        {%- endcall -%}
    {%- endif -%}
    {%- do adapter.drop_relation(arriving) -%}
    {%- if partitions | length > replaced | length -%}
        {%- do drop_emptied_hours() -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}


{# Whether hours of this model are dropped that have no rows any more; see hourly. #}
{% macro is_hourly() -%}
    {{ return('emptied_with' in config.get('meta', {})) }}
{%- endmacro %}


{# Whether a stored table has exactly the columns and types that its model's yml describes. #}
{% macro has_described_columns(stored) -%}
    {%- set columns -%}
        select
            name,
            type
        from system.columns
        where database = '{{ stored.schema }}' and table = '{{ stored.identifier }}'
    {%- endset -%}
    {%- set found = {} -%}
    {%- for column in run_query(columns).rows -%}
        {%- do found.update({column['name']: column['type']}) -%}
    {%- endfor -%}
    {%- set described = {} -%}
    {%- for column in model.columns.values() -%}
        {%- do described.update({column.name: column.data_type}) -%}
    {%- endfor -%}
    {{ return(found == described) }}
{%- endmacro %}


{#
  The partitions that new rows arrived for, and for hourly models those of the run's hours that none arrived for.
  Partitions are named by what partition_by gives.
#}
{% macro partitions_to_settle(stored, arriving) -%}
    select
        partition_id,
        max(table = '{{ arriving.identifier }}') as has_arrived
    from system.parts
    where
        active and database = '{{ stored.schema }}'
        and (
            table = '{{ arriving.identifier }}'
            {%- if is_hourly() %}
            or table = '{{ stored.identifier }}'
            and {{ in_hour_window("parseDateTimeOrZero(partition_id, '%Y%m%d%H%i%s', 'UTC')") }}
            {%- endif %}
        )
    group by partition_id
{%- endmacro %}

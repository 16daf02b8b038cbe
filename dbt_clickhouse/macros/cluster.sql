{#
  One machine, or a cluster: JA4_CLICKHOUSE_CLUSTER names it, and profiles.yml passes the name to the adapter, which then writes
  `on cluster` into its statements. A model `t` is then `t_local` on every server and a Distributed table `t` over all of them.
#}
{% macro on_a_cluster() -%}
    {{ return(env_var('JA4_CLICKHOUSE_CLUSTER', '') != '') }}
{%- endmacro %}


{# Engine of a model's rows; the server fills {shard} and {replica} in. #}
{% macro stored_engine() -%}
    {{ return(
        "ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}')"
        if on_a_cluster() else 'MergeTree()'
    ) }}
{%- endmacro %}


{#
  By the client's address wherever a row has one, as the raw rows are (ja4_assets/storage/cluster.py): an entity lives on one shard.
  Otherwise by the last column of the key: network, host, fingerprint, sensor.
#}
{% macro sharding_key(order_by) -%}
    {%- set columns = order_by.replace('(', '').replace(')', '').replace(' ', '').split(',') -%}
    {{ return('cityHash64(' ~ ('client_ip' if 'client_ip' in columns else columns[-1]) ~ ')') }}
{%- endmacro %}


{#
  Configuration of a model that is built whole each time. On a cluster it is one partition, replaced by each run: the adapter's
  own way there (`distributed_table`) empties the table first and fills it while others read it.
#}
{% macro whole(order_by) -%}
    {%- if on_a_cluster() -%}
        {{ config(
            materialized='distributed_incremental',
            incremental_strategy='insert_overwrite',
            partition_by='tuple()',
            on_schema_change='sync_all_columns',
            engine=stored_engine(),
            order_by=order_by,
            sharding_key=sharding_key(order_by),
        ) }}
    {%- else -%}
        {{ config(materialized='table', engine=stored_engine(), order_by=order_by) }}
    {%- endif -%}
{%- endmacro %}


{# Waits until every replica of a table has what was inserted: the next statement may read or copy from any of them. #}
{% macro wait_for_replicas(relation) -%}
    {%- if execute and on_a_cluster() -%}
        {%- do run_query("system sync replica" ~ on_cluster_clause(relation) ~ relation) -%}
    {%- endif -%}
{%- endmacro %}


{#
  In place of the adapter's macro of this name, which its materialisations call for the first build and for the rows that are
  to replace a partition: it goes on at once, while one replica of a shard has the rows. `on cluster` runs
  `replace partition` on any one replica, and one without the rows would replace the hour by nothing.
#}
{% macro create_distributed_local_table(shared, local, like, query=none, has_contract=false) -%}
    {%- do drop_relation_if_exists(local) -%}
    {%- do drop_relation_if_exists(shared) -%}
    {%- do run_query(create_empty_table_from_relation(local, like, query)) -%}
    {%- do run_query(create_distributed_table(shared, local)) -%}
    {%- if query is not none -%}
        {%- do run_query(clickhouse__insert_into(shared, query, has_contract)) -%}
        {%- do wait_for_replicas(local) -%}
    {%- endif -%}
{%- endmacro %}

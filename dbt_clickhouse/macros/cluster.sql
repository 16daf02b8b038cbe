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


{# Configuration of a model that is built whole each time. #}
{% macro whole(order_by) -%}
    {{ config(
        materialized='distributed_table' if on_a_cluster() else 'table',
        engine=stored_engine(),
        order_by=order_by,
        sharding_key=sharding_key(order_by),
    ) }}
{%- endmacro %}

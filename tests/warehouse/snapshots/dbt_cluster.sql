-- run 1: countries, known_fingerprints, user_agent_families, watched_fingerprints
create table <t> ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/all/{database}/{table}/{uuid}', '{shard}-{replica}') order by (tuple());
insert into <t> (…) …;
system sync replica ON CLUSTER "ja4" <t>;

-- run 1: dim_bot_identity, dim_label, dim_model, dim_setting, fct_alert, fct_audit, fct_campaign, fct_campaign_hour, fct_campaign_member, fct_entity_verdict, fct_labelled_entity_hour, fct_model_drift, fct_model_evaluation, fct_request, fct_review_rank, fct_sensor_minute, fct_watched_entity, stg_agent_ticks, stg_canary_requests, stg_crawler_ranges, stg_disallowed_paths, stg_http_requests, stg_ja4_seen, stg_tls_hellos
create or replace view <t> ON CLUSTER "ja4" as …;

-- run 1: dim_ja4
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by (ja4_stable) partition by (tuple());
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(ja4_stable));
insert into <t> (…) …;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: fct_asn_hour
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, asn)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(asn));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: fct_country_hour
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, country)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(country));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: fct_entity_hour, fct_entity_judgement
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, client_ip, ja4_stable, host)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(client_ip));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: fct_host_hour
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, host)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(host));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: fct_ip_hour
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, client_ip)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(client_ip));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: fct_ja4_hour
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, ja4_stable)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(ja4_stable));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: fct_join_accuracy
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((minute, sensor)) partition by (toYYYYMMDDhhmmss(toStartOfHour(minute))) ttl toDate(toStartOfHour(minute)) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(sensor));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: fct_request_minute
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((minute, client_ip, ja4_stable, host)) partition by (toYYYYMMDDhhmmss(toStartOfHour(minute))) ttl toDate(toStartOfHour(minute)) + toIntervalDay(7) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(client_ip));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: fct_session
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((started_minute, client_ip, ja4_stable, host)) partition by (toYYYYMMDD(started_minute)) ttl toDate(started_minute) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(client_ip));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: int_entity_hour_contradictions, int_entity_hour_headers, int_entity_hour_paths, int_entity_hour_peers, int_entity_hour_requests, int_entity_hour_rhythm, int_entity_hour_timing
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, client_ip, ja4_stable, host)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(15) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(client_ip));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: int_entity_hour_hellos
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, client_ip)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(15) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(client_ip));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: int_entity_hour_population, int_ja4_client_hour
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, ja4_stable, client_ip)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(15) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(client_ip));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 1: int_requests
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>_local ON CLUSTER "ja4" SYNC;
drop table if exists <t> ON CLUSTER "ja4" SYNC;
create table <t>_local ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, client_ip, ja4_stable, host, ts)) partition by (toYYYYMMDDhhmmss(toStartOfHour(ts))) ttl toDate(toStartOfHour(ts)) + toIntervalDay(15) SETTINGS ttl_only_drop_parts=1;
create or replace table <t> ON CLUSTER "ja4" as <t>_local ENGINE = Distributed('ja4', <database>, '<t>_local', cityHash64(client_ip));
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>_local;

-- run 2: dim_ja4
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
create table <t>__dbt_new_data_<run> ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by (ja4_stable) partition by (tuple());
create or replace table <t>__dbt_distributed_new_data ON CLUSTER "ja4" as <t>__dbt_new_data_<run> ENGINE = Distributed('ja4', <database>, '<t>__dbt_new_data_<run>', cityHash64(ja4_stable));
insert into <t>__dbt_distributed_new_data (…) …;
system sync replica ON CLUSTER "ja4" <t>__dbt_new_data_<run>;
alter table <t>_local ON CLUSTER "ja4" replace partition id 'all' from <t>__dbt_new_data_<run> settings allow_replace_partition_from_empty_source = 1;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;

-- run 2: fct_entity_hour
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
create table <t>__dbt_new_data_<run> ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, client_ip, ja4_stable, host)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1;
create or replace table <t>__dbt_distributed_new_data ON CLUSTER "ja4" as <t>__dbt_new_data_<run> ENGINE = Distributed('ja4', <database>, '<t>__dbt_new_data_<run>', cityHash64(client_ip));
insert into <t>__dbt_distributed_new_data (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>__dbt_new_data_<run>;
alter table <t>_local ON CLUSTER "ja4" replace partition id <p> from <t>__dbt_new_data_<run> settings allow_replace_partition_from_empty_source = 1;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;

-- run 2: fct_ja4_hour
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
create table <t>__dbt_new_data_<run> ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, ja4_stable)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1;
create or replace table <t>__dbt_distributed_new_data ON CLUSTER "ja4" as <t>__dbt_new_data_<run> ENGINE = Distributed('ja4', <database>, '<t>__dbt_new_data_<run>', cityHash64(ja4_stable));
insert into <t>__dbt_distributed_new_data (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>__dbt_new_data_<run>;
alter table <t>_local ON CLUSTER "ja4" replace partition id <p> from <t>__dbt_new_data_<run> settings allow_replace_partition_from_empty_source = 1;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
alter table <t>_local ON CLUSTER "ja4" drop partition <p>;

-- run 2: fct_request_minute
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
create table <t>__dbt_new_data_<run> ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((minute, client_ip, ja4_stable, host)) partition by (toYYYYMMDDhhmmss(toStartOfHour(minute))) ttl toDate(toStartOfHour(minute)) + toIntervalDay(7) SETTINGS ttl_only_drop_parts=1;
create or replace table <t>__dbt_distributed_new_data ON CLUSTER "ja4" as <t>__dbt_new_data_<run> ENGINE = Distributed('ja4', <database>, '<t>__dbt_new_data_<run>', cityHash64(client_ip));
insert into <t>__dbt_distributed_new_data (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>__dbt_new_data_<run>;
alter table <t>_local ON CLUSTER "ja4" replace partition id <p> from <t>__dbt_new_data_<run> settings allow_replace_partition_from_empty_source = 1;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;

-- run 2: fct_session
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
create table <t>__dbt_new_data_<run> ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((started_minute, client_ip, ja4_stable, host)) partition by (toYYYYMMDD(started_minute)) ttl toDate(started_minute) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1;
create or replace table <t>__dbt_distributed_new_data ON CLUSTER "ja4" as <t>__dbt_new_data_<run> ENGINE = Distributed('ja4', <database>, '<t>__dbt_new_data_<run>', cityHash64(client_ip));
insert into <t>__dbt_distributed_new_data (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>__dbt_new_data_<run>;
alter table <t>_local ON CLUSTER "ja4" replace partition id <p> from <t>__dbt_new_data_<run> settings allow_replace_partition_from_empty_source = 1;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;

-- run 2: int_entity_hour_contradictions, int_entity_hour_headers, int_entity_hour_paths, int_entity_hour_peers, int_entity_hour_requests, int_entity_hour_rhythm, int_entity_hour_timing
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
create table <t>__dbt_new_data_<run> ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, client_ip, ja4_stable, host)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(15) SETTINGS ttl_only_drop_parts=1;
create or replace table <t>__dbt_distributed_new_data ON CLUSTER "ja4" as <t>__dbt_new_data_<run> ENGINE = Distributed('ja4', <database>, '<t>__dbt_new_data_<run>', cityHash64(client_ip));
insert into <t>__dbt_distributed_new_data (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>__dbt_new_data_<run>;
alter table <t>_local ON CLUSTER "ja4" replace partition id <p> from <t>__dbt_new_data_<run> settings allow_replace_partition_from_empty_source = 1;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;

-- run 2: int_entity_hour_population, int_ja4_client_hour
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
create table <t>__dbt_new_data_<run> ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, ja4_stable, client_ip)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(15) SETTINGS ttl_only_drop_parts=1;
create or replace table <t>__dbt_distributed_new_data ON CLUSTER "ja4" as <t>__dbt_new_data_<run> ENGINE = Distributed('ja4', <database>, '<t>__dbt_new_data_<run>', cityHash64(client_ip));
insert into <t>__dbt_distributed_new_data (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>__dbt_new_data_<run>;
alter table <t>_local ON CLUSTER "ja4" replace partition id <p> from <t>__dbt_new_data_<run> settings allow_replace_partition_from_empty_source = 1;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;

-- run 2: int_requests
drop table if exists <t>__dbt_view_tmp ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_tmp ON CLUSTER "ja4" SYNC;
create or replace view <t>__dbt_view_tmp ON CLUSTER "ja4" as …;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
create table <t>__dbt_new_data_<run> ON CLUSTER "ja4" (…) engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}/{uuid}', '{replica}') order by ((hour, client_ip, ja4_stable, host, ts)) partition by (toYYYYMMDDhhmmss(toStartOfHour(ts))) ttl toDate(toStartOfHour(ts)) + toIntervalDay(15) SETTINGS ttl_only_drop_parts=1;
create or replace table <t>__dbt_distributed_new_data ON CLUSTER "ja4" as <t>__dbt_new_data_<run> ENGINE = Distributed('ja4', <database>, '<t>__dbt_new_data_<run>', cityHash64(client_ip));
insert into <t>__dbt_distributed_new_data (…) … SETTINGS max_partitions_per_insert_block=0;
system sync replica ON CLUSTER "ja4" <t>__dbt_new_data_<run>;
alter table <t>_local ON CLUSTER "ja4" replace partition id <p> from <t>__dbt_new_data_<run> settings allow_replace_partition_from_empty_source = 1;
drop table if exists <t>__dbt_distributed_new_data ON CLUSTER "ja4" SYNC;
drop table if exists <t>__dbt_new_data_<run> ON CLUSTER "ja4" SYNC;

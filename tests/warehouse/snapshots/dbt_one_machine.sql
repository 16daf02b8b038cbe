-- run 1: countries, known_fingerprints, user_agent_families, watched_fingerprints
create table <t> (…) engine = MergeTree() order by (tuple());
insert into <t> (…) …;

-- run 1: dim_bot_identity, dim_label, dim_model, dim_setting, fct_alert, fct_audit, fct_campaign, fct_campaign_hour, fct_campaign_member, fct_entity_verdict, fct_labelled_entity_hour, fct_model_drift, fct_model_evaluation, fct_request, fct_review_rank, fct_sensor_minute, fct_watched_entity, stg_agent_ticks, stg_canary_requests, stg_crawler_ranges, stg_disallowed_paths, stg_http_requests, stg_ja4_seen, stg_tls_hellos
create or replace view <t> as …;

-- run 1: dim_ja4
create table <t> (…) engine = MergeTree() order by (ja4_stable) SETTINGS replicated_deduplication_window='0';
insert into <t> (…) …;

-- run 1: fct_asn_hour
create table <t> (…) engine = MergeTree() order by ((hour, asn)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 1: fct_country_hour
create table <t> (…) engine = MergeTree() order by ((hour, country)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 1: fct_entity_hour, fct_entity_judgement
create table <t> (…) engine = MergeTree() order by ((hour, client_ip, ja4_stable, host)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 1: fct_host_hour
create table <t> (…) engine = MergeTree() order by ((hour, host)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 1: fct_ip_hour
create table <t> (…) engine = MergeTree() order by ((hour, client_ip)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 1: fct_ja4_hour
create table <t> (…) engine = MergeTree() order by ((hour, ja4_stable)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 1: fct_join_accuracy
create table <t> (…) engine = MergeTree() order by ((minute, sensor)) partition by (toYYYYMMDDhhmmss(toStartOfHour(minute))) ttl toDate(toStartOfHour(minute)) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 1: fct_request_minute
create table <t> (…) engine = MergeTree() order by ((minute, client_ip, ja4_stable, host)) partition by (toYYYYMMDDhhmmss(toStartOfHour(minute))) ttl toDate(toStartOfHour(minute)) + toIntervalDay(7) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 1: fct_session
create table <t> (…) engine = MergeTree() order by ((started_minute, client_ip, ja4_stable, host)) partition by (toYYYYMMDD(started_minute)) ttl toDate(started_minute) + toIntervalDay(90) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 1: int_entity_hour_contradictions, int_entity_hour_headers, int_entity_hour_paths, int_entity_hour_peers, int_entity_hour_requests, int_entity_hour_rhythm, int_entity_hour_timing
create table <t> (…) engine = MergeTree() order by ((hour, client_ip, ja4_stable, host)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(15) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 1: int_entity_hour_hellos
create table <t> (…) engine = MergeTree() order by ((hour, client_ip)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(15) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 1: int_entity_hour_population, int_ja4_client_hour
create table <t> (…) engine = MergeTree() order by ((hour, ja4_stable, client_ip)) partition by (toYYYYMMDDhhmmss(hour)) ttl toDate(hour) + toIntervalDay(15) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 1: int_requests
create table <t> (…) engine = MergeTree() order by ((hour, client_ip, ja4_stable, host, ts)) partition by (toYYYYMMDDhhmmss(toStartOfHour(ts))) ttl toDate(toStartOfHour(ts)) + toIntervalDay(15) SETTINGS ttl_only_drop_parts=1, replicated_deduplication_window='0' SETTINGS max_partitions_per_insert_block=0;
insert into <t> (…) … SETTINGS max_partitions_per_insert_block=0;

-- run 2: dim_ja4
create table <t>__dbt_backup (…) engine = MergeTree() order by (ja4_stable) SETTINGS replicated_deduplication_window='0';
insert into <t>__dbt_backup (…) …;
EXCHANGE TABLES <t>__dbt_backup AND <t>;
drop table if exists <t>__dbt_backup;

-- run 2: fct_entity_hour, fct_request_minute, fct_session, int_entity_hour_contradictions, int_entity_hour_headers, int_entity_hour_paths, int_entity_hour_peers, int_entity_hour_population, int_entity_hour_requests, int_entity_hour_rhythm, int_entity_hour_timing, int_ja4_client_hour, int_requests
create table <t>__dbt_new_data_<run> as <t>;
insert into <t>__dbt_new_data_<run> (…) … SETTINGS max_partitions_per_insert_block=0;
alter table <t> replace partition id <p> from <t>__dbt_new_data_<run>;
drop table if exists <t>__dbt_new_data_<run>;

-- run 2: fct_ja4_hour
create table <t>__dbt_new_data_<run> as <t>;
insert into <t>__dbt_new_data_<run> (…) … SETTINGS max_partitions_per_insert_block=0;
alter table <t> replace partition id <p> from <t>__dbt_new_data_<run>;
drop table if exists <t>__dbt_new_data_<run>;
alter table <t> drop partition <p>;

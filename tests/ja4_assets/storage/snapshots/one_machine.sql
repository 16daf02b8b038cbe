CREATE TABLE IF NOT EXISTS `raw_tls_hellos` (`sensor` LowCardinality(String), `ts` DateTime64(6, 'UTC'), `conn_id` UInt64, `transport` Enum8('tcp' = 1, 'quic' = 2, 'dtls' = 3), `src_ip` IPv6, `src_port` UInt16, `dst_ip` IPv6, `dst_port` UInt16, `sni` Nullable(String), `sni_present` Nullable(Bool), `sni_is_ip` Nullable(Bool), `alpn` Array(LowCardinality(String)), `legacy_version` Nullable(UInt16), `tls_version` Nullable(UInt16), `ja4` LowCardinality(Nullable(String)), `ja4_r` LowCardinality(Nullable(String)) CODEC(ZSTD(3)), `ja4_o` Nullable(String) CODEC(ZSTD(3)), `ja4_stable` LowCardinality(Nullable(String)), `ja3` Nullable(String) CODEC(ZSTD(3)), `ja3_hash` Nullable(String), `ja3n_hash` LowCardinality(Nullable(String)), `fingerprint_spec` UInt16, `quality` Enum8('complete' = 1, 'reassembled' = 2, 'truncated' = 3, 'malformed' = 4), `malformed_reason` LowCardinality(Nullable(String)), `malformed_offset` Nullable(UInt32), `segments` UInt16, `hello_len` Nullable(UInt32), `hello_skeleton` Nullable(String) COMMENT 'base64' CODEC(ZSTD(3)), `has_grease` Nullable(Bool), `has_ech` Nullable(Bool), `has_psk` Nullable(Bool), `has_early_data` Nullable(Bool), `has_pq_group` Nullable(Bool), `is_second_hello` Bool, `is_sslv2_framed` Bool, `preamble` LowCardinality(Nullable(String)), `proxy_src_ip` Nullable(IPv6), `proxy_src_port` Nullable(UInt16), `proxy_dst_ip` Nullable(IPv6), `proxy_dst_port` Nullable(UInt16), `tunnel` LowCardinality(Nullable(String)), `tcp_ttl` Nullable(UInt8), `tcp_window` Nullable(UInt16), `tcp_mss` Nullable(UInt16), `tcp_wscale` Nullable(UInt8), `tcp_options` LowCardinality(Nullable(String)), `tcp_signature` LowCardinality(Nullable(String)), `ip_df` Nullable(Bool), `ip_id` Nullable(UInt16), `syn_ack_rtt_us` Nullable(UInt32), `syn_to_hello_us` Nullable(UInt32)) Engine ReplacingMergeTree(fingerprint_spec)  ORDER BY (toStartOfHour(ts),src_ip,ts,sensor,conn_id,transport,src_port,is_second_hello) PARTITION BY toDate(ts) TTL toDate(ts) + toIntervalDay(15) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'One row per ClientHello seen, also those that no request followed. Read with final.';

CREATE TABLE IF NOT EXISTS `raw_http_requests` (`sensor` LowCardinality(String), `ts` DateTime64(6, 'UTC'), `conn_id` UInt64, `peer_ip` IPv6, `src_port` UInt16, `dst_ip` IPv6, `dst_port` UInt16, `client_ip` IPv6, `xff` Array(LowCardinality(String)), `method` LowCardinality(String), `scheme` LowCardinality(String), `host` LowCardinality(Nullable(String)), `path` String CODEC(ZSTD(3)), `query` Nullable(String) CODEC(ZSTD(3)), `protocol` LowCardinality(String), `status` UInt16, `request_bytes` Nullable(UInt64), `response_bytes` Nullable(UInt64), `duration_us` Nullable(UInt64), `request_seq_on_conn` UInt32, `header_names` Array(LowCardinality(String)) CODEC(ZSTD(3)), `header_order_hash` LowCardinality(Nullable(String)), `header_order_source` Enum8('wire' = 1, 'server' = 2), `user_agent` LowCardinality(Nullable(String)), `accept` LowCardinality(Nullable(String)), `accept_language` LowCardinality(Nullable(String)), `accept_encoding` LowCardinality(Nullable(String)), `referer` Nullable(String) CODEC(ZSTD(3)), `sec_fetch_site` LowCardinality(Nullable(String)), `sec_fetch_mode` LowCardinality(Nullable(String)), `sec_fetch_dest` LowCardinality(Nullable(String)), `sec_fetch_user` LowCardinality(Nullable(String)), `sec_ch_ua` LowCardinality(Nullable(String)), `sec_ch_ua_mobile` LowCardinality(Nullable(String)), `sec_ch_ua_platform` LowCardinality(Nullable(String)), `cookie_names` Array(LowCardinality(String)), `h2_fingerprint` LowCardinality(Nullable(String)), `join_state` Enum8('matched' = 1, 'ambiguous' = 2, 'midstream' = 3, 'no_hello' = 4, 'cleartext' = 5), `join_candidates` UInt16, `join_confidence` Float32, `hello_to_request_us` Nullable(Int64), `ja4` LowCardinality(Nullable(String)), `ja4_stable` LowCardinality(Nullable(String)), `ja3_hash` Nullable(String), `sni` LowCardinality(Nullable(String)), `tls_version` Nullable(UInt16), `alpn` Array(LowCardinality(String)), `quality` Nullable(Enum8('complete' = 1, 'reassembled' = 2, 'truncated' = 3, 'malformed' = 4)), `has_grease` Nullable(Bool), `has_ech` Nullable(Bool), `has_psk` Nullable(Bool), `has_pq_group` Nullable(Bool), `tcp_signature` LowCardinality(Nullable(String)), `tcp_ttl` Nullable(UInt8), `tcp_mss` Nullable(UInt16)) Engine ReplacingMergeTree  ORDER BY (toStartOfHour(ts),client_ip,ts,sensor,peer_ip,src_port,dst_port,request_seq_on_conn) PARTITION BY toDate(ts) TTL toDate(ts) + toIntervalDay(15) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'One row per finished request, joined with the hello of its connection. Read with final.';

CREATE TABLE IF NOT EXISTS `raw_agent_ticks` (`sensor` LowCardinality(String), `ts` DateTime64(6, 'UTC'), `run_id` UInt64, `frames_seen` UInt64, `frames_dropped_kernel` UInt64, `frames_undecodable` UInt64, `hellos_complete` UInt64, `hellos_reassembled` UInt64, `hellos_truncated` UInt64, `hellos_malformed` UInt64, `hellos_unused` UInt64, `flows_opened` UInt64, `flows_evicted_idle` UInt64, `flows_evicted_full` UInt64, `streams_evicted_bytes` UInt64, `streams_evicted_segments` UInt64, `http_events_seen` UInt64, `http_events_rejected` UInt64, `http_events_dropped` UInt64, `http_events_lost` UInt64, `requests_matched` UInt64, `requests_ambiguous` UInt64, `requests_midstream` UInt64, `requests_no_hello` UInt64, `requests_cleartext` UInt64, `requests_waiting` UInt64, `rows_inserted` UInt64, `rows_spooled` UInt64, `rows_discarded` UInt64) Engine ReplacingMergeTree  ORDER BY (sensor,ts,run_id) PARTITION BY toDate(ts) TTL toDate(ts) + toIntervalDay(15) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'The agent''s ledger: one row per sensor, run and minute. Read with final.';

CREATE TABLE IF NOT EXISTS `bot_scores` (`hour` DateTime64(0, 'UTC'), `client_ip` IPv6, `ja4_stable` LowCardinality(String), `host` LowCardinality(String), `model_name` LowCardinality(String), `model_version` LowCardinality(String) COMMENT 'version in the model registry', `anomaly_score` Float64 COMMENT '0 to 1, higher is stranger', `score_quantile` Float64 COMMENT 'rank of the score within the scores of training, 0 to 1', `threshold` Float64 COMMENT 'score from which the model calls an entity anomalous', `top_features` Array(Tuple(`name` String, `value` Nullable(Float64), `norm` Nullable(Float64), `contribution` Float64)) COMMENT 'largest contribution first; norm is the training median', `data_version` LowCardinality(String) COMMENT 'version of the training data', `dagster_run_id` LowCardinality(String), `scored_at` DateTime64(6, 'UTC')) Engine ReplacingMergeTree(scored_at)  ORDER BY (hour,client_ip,ja4_stable,host,model_name,model_version) PARTITION BY toMonday(hour) TTL toDate(hour) + toIntervalDay(90) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'One row per entity hour and model version. Read with final.';

CREATE TABLE IF NOT EXISTS `verdicts` (`decided_at` DateTime64(6, 'UTC'), `hour` DateTime64(0, 'UTC'), `client_ip` IPv6, `ja4_stable` LowCardinality(String), `host` LowCardinality(String), `verdict` Enum8('human' = 1, 'good_bot' = 2, 'suspicious' = 3, 'bad_bot' = 4, 'unknown' = 5), `source` Enum8('rule' = 1, 'model' = 2), `source_id` LowCardinality(String) COMMENT 'rule id, or model_name:version', `confidence` Float32 COMMENT '0 to 1', `reason` String COMMENT 'one sentence for the analyst' CODEC(ZSTD(3)), `evidence` Map(LowCardinality(String), String) COMMENT 'column -> value seen' CODEC(ZSTD(3)), `dagster_run_id` LowCardinality(String)) Engine MergeTree  ORDER BY (hour,client_ip,ja4_stable,host,decided_at) PARTITION BY toStartOfMonth(hour) TTL toDate(hour) + toIntervalYear(1) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'Every decision ever made about an entity hour; the latest decided_at holds.';

CREATE TABLE IF NOT EXISTS `analyst_labels` (`labelled_at` DateTime64(6, 'UTC'), `label_id` UUID COMMENT 'a change or revocation repeats the id with a later labelled_at', `user` LowCardinality(String), `scope` Enum8('entity' = 1, 'client_ip' = 2, 'ja4' = 3, 'ja4_stable' = 4), `client_ip` Nullable(IPv6), `ja4` Nullable(String) COMMENT 'exact or stable value, as scope says', `host` Nullable(String), `label` Enum8('human' = 1, 'good_bot' = 2, 'bad_bot' = 3, 'unknown' = 4), `note` String, `expires_at` Nullable(DateTime64(6, 'UTC')), `is_revoked` Bool) Engine MergeTree  ORDER BY (label_id,labelled_at) PARTITION BY toYear(labelled_at) SETTINGS non_replicated_deduplication_window = 1000 COMMENT 'Append-only: the row with the latest labelled_at of a label_id holds.';

CREATE TABLE IF NOT EXISTS `audit_log` (`at` DateTime64(6, 'UTC'), `user` LowCardinality(String), `action` LowCardinality(String), `target` String, `details` String COMMENT 'JSON object') Engine MergeTree  ORDER BY (at,user) PARTITION BY toYear(at) SETTINGS non_replicated_deduplication_window = 1000 COMMENT 'Append-only: what analysts did.';

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `flows_closed` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `epochs_evicted_full` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `epochs_restored` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `streams_evicted_timeout` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `quic_unopened` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `fragments_evicted_full` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `fragments_evicted_timeout` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `fragments_discarded_overlap` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `fragments_discarded_oversize` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `http_events_duplicate` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `cleartext_requests_read` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `cleartext_requests_unanswered` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `cleartext_heads_malformed` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `cleartext_heads_oversize` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `cleartext_streams_gap` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `cleartext_streams_evicted_full` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `clock_skew_us` Nullable(Int64) COMMENT 'clock of the HTTP events, clock_offset_us taken off, minus clock of the packets, at most';

alter table raw_tls_hellos add column if not exists site LowCardinality(String) comment 'where the sensor stands, as its operator calls it' after sensor;

alter table raw_http_requests add column if not exists site LowCardinality(String) comment 'where the sensor stands, as its operator calls it' after sensor;

alter table raw_agent_ticks add column if not exists site LowCardinality(String) comment 'where the sensor stands, as its operator calls it' after run_id;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `http_events_excluded` UInt64;

ALTER TABLE `raw_agent_ticks` ADD COLUMN IF NOT EXISTS `rows_excluded` UInt64;

ALTER TABLE `raw_http_requests` ADD COLUMN IF NOT EXISTS `canary_nonce` Nullable(String) COMMENT 'nonce of a canary''s request; null: a visitor';

alter table raw_http_requests add index if not exists canary_nonce_is_set (isNotNull(canary_nonce)) type minmax granularity 1;

CREATE TABLE IF NOT EXISTS `intel_sources` (`source` LowCardinality(String), `version` LowCardinality(String), `activated_at` DateTime64(6, 'UTC'), `published_on` Date COMMENT 'date of the data, not of its download', `origin` LowCardinality(String) COMMENT 'package name and version, path, URL, or default', `licence` LowCardinality(String) COMMENT 'SPDX identifier', `attribution` String COMMENT 'what the licence asks to be named', `stored_rows` UInt64, `is_default` Bool COMMENT 'the extract that comes with the platform') Engine MergeTree  ORDER BY (source,activated_at) PARTITION BY toYear(activated_at) SETTINGS non_replicated_deduplication_window = 1000 COMMENT 'Versions of the reference data; the latest activated_at of a source holds.';

CREATE TABLE IF NOT EXISTS `intel_networks` (`source` LowCardinality(String), `version` LowCardinality(String), `prefix` String COMMENT 'CIDR, IPv4 or IPv6', `asn` UInt32 COMMENT '0 where the source names none', `country` LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2', `name` LowCardinality(String) COMMENT 'cloud provider, crawler, or kind of anonymiser', `operator` LowCardinality(String)) Engine MergeTree  ORDER BY (source,prefix) PARTITION BY (source, version) SETTINGS non_replicated_deduplication_window = 1000 COMMENT 'Prefixes with what is known of them, of every source and version kept.';

CREATE TABLE IF NOT EXISTS `intel_autonomous_systems` (`source` LowCardinality(String), `version` LowCardinality(String), `asn` UInt32, `name` String, `kind` LowCardinality(String) COMMENT 'hosting, isp, mobile, education, or empty', `country` LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2 of most of its addresses') Engine MergeTree  ORDER BY (source,asn) PARTITION BY (source, version) SETTINGS non_replicated_deduplication_window = 1000 COMMENT 'Autonomous systems by number.';

CREATE TABLE IF NOT EXISTS `intel_crawlers` (`source` LowCardinality(String), `version` LowCardinality(String), `pattern` String COMMENT 'RE2 pattern looked for in the user agent', `name` LowCardinality(String), `operator` LowCardinality(String), `purpose` LowCardinality(String), `is_ai` Bool) Engine MergeTree  ORDER BY (source,name) PARTITION BY (source, version) SETTINGS non_replicated_deduplication_window = 1000 COMMENT 'Crawlers by what their user agents say.';

CREATE TABLE IF NOT EXISTS `intel_public_suffixes` (`source` LowCardinality(String), `version` LowCardinality(String), `suffix` String COMMENT 'lower case, without the marks of wildcard and exception', `rule` Enum8('suffix' = 1, 'wildcard' = 2, 'exception' = 3), `is_private` Bool) Engine MergeTree  ORDER BY (source,suffix) PARTITION BY (source, version) SETTINGS non_replicated_deduplication_window = 1000 COMMENT 'The Public Suffix List, one row a rule.';

create dictionary if not exists intel_asn (prefix String, asn UInt32 default 0) primary key prefix source(clickhouse(query 'select prefix, asn from `ja4_processing`.intel_networks where source = \'asn\' and version = (select argMax(version, activated_at) from `ja4_processing`.intel_sources where source = \'asn\')' invalidate_query 'select max(activated_at) from `ja4_processing`.intel_sources')) layout(ip_trie) lifetime(min 300 max 600);

create dictionary if not exists intel_country (prefix String, country String default '') primary key prefix source(clickhouse(query 'select prefix, country from `ja4_processing`.intel_networks where source = \'country\' and version = (select argMax(version, activated_at) from `ja4_processing`.intel_sources where source = \'country\')' invalidate_query 'select max(activated_at) from `ja4_processing`.intel_sources')) layout(ip_trie) lifetime(min 300 max 600);

create dictionary if not exists intel_cloud (prefix String, name String default '') primary key prefix source(clickhouse(query 'select prefix, name from `ja4_processing`.intel_networks where source = \'cloud\' and version = (select argMax(version, activated_at) from `ja4_processing`.intel_sources where source = \'cloud\')' invalidate_query 'select max(activated_at) from `ja4_processing`.intel_sources')) layout(ip_trie) lifetime(min 300 max 600);

create dictionary if not exists intel_crawler_range (prefix String, name String default '', operator String default '') primary key prefix source(clickhouse(query 'select prefix, name, operator from `ja4_processing`.intel_networks where source = \'crawler_ranges\' and version = (select argMax(version, activated_at) from `ja4_processing`.intel_sources where source = \'crawler_ranges\')' invalidate_query 'select max(activated_at) from `ja4_processing`.intel_sources')) layout(ip_trie) lifetime(min 300 max 600);

create dictionary if not exists intel_anonymiser (prefix String, name String default '') primary key prefix source(clickhouse(query 'select prefix, name from `ja4_processing`.intel_networks where source = \'anonymisers\' and version = (select argMax(version, activated_at) from `ja4_processing`.intel_sources where source = \'anonymisers\')' invalidate_query 'select max(activated_at) from `ja4_processing`.intel_sources')) layout(ip_trie) lifetime(min 300 max 600);

create dictionary if not exists intel_autonomous_system (asn UInt64, name String default '', kind String default '', country String default '') primary key asn source(clickhouse(query 'select toUInt64(asn) as asn, name, kind, country from `ja4_processing`.intel_autonomous_systems where source = \'asn\' and version = (select argMax(version, activated_at) from `ja4_processing`.intel_sources where source = \'asn\')' invalidate_query 'select max(activated_at) from `ja4_processing`.intel_sources')) layout(hashed) lifetime(min 300 max 600);

CREATE TABLE IF NOT EXISTS `agg_ja4_seen` (`ja4_stable` LowCardinality(String), `first_ts` SimpleAggregateFunction(min, DateTime64(6, 'UTC')), `last_ts` SimpleAggregateFunction(max, DateTime64(6, 'UTC')), `first_client_ip` AggregateFunction(argMin, IPv6, DateTime64(6, 'UTC')), `variants` SimpleAggregateFunction(sumMap, Map(String, UInt64)) COMMENT 'exact JA4 -> hellos', `ja4_r` AggregateFunction(argMax, LowCardinality(Nullable(String)), DateTime64(6, 'UTC')), `ja4_o` AggregateFunction(argMax, Nullable(String), DateTime64(6, 'UTC')), `ja3_hash` AggregateFunction(argMax, Nullable(String), DateTime64(6, 'UTC')), `ja3_hashes` AggregateFunction(uniqCombined64(12), String), `tls_version` SimpleAggregateFunction(max, UInt16), `alpn` AggregateFunction(argMax, Array(LowCardinality(String)), DateTime64(6, 'UTC')), `has_grease` SimpleAggregateFunction(max, UInt8), `has_ech` SimpleAggregateFunction(max, UInt8), `has_pq_group` SimpleAggregateFunction(max, UInt8), `hello_len` AggregateFunction(argMax, Nullable(UInt32), DateTime64(6, 'UTC')), `segments` AggregateFunction(argMax, UInt16, DateTime64(6, 'UTC')), `tcp_signature` AggregateFunction(argMax, LowCardinality(Nullable(String)), DateTime64(6, 'UTC'))) Engine AggregatingMergeTree  ORDER BY (ja4_stable) TTL toDate(last_ts) + toIntervalYear(1) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'When each stable JA4 was seen and what its hellos look like; merge before reading.';

CREATE TABLE IF NOT EXISTS `agg_first_seen` (`kind` LowCardinality(String) COMMENT 'client_ip, host, user_agent or header_order_hash', `value` String, `first_ts` SimpleAggregateFunction(min, DateTime64(6, 'UTC')), `last_ts` SimpleAggregateFunction(max, DateTime64(6, 'UTC'))) Engine AggregatingMergeTree  ORDER BY (kind,value) TTL toDate(last_ts) + toIntervalYear(1) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'First and last sighting of each value; merge before reading.';

create materialized view if not exists agg_ja4_seen_mv to agg_ja4_seen as
    select
        assumeNotNull(hello.ja4_stable) as ja4_stable,
        min(hello.ts) as first_ts,
        max(hello.ts) as last_ts,
        argMinState(hello.src_ip, hello.ts) as first_client_ip,
        sumMap(map(ifNull(hello.ja4, ''), toUInt64(1))) as variants,
        argMaxState(hello.ja4_r, hello.ts) as ja4_r,
        argMaxState(hello.ja4_o, hello.ts) as ja4_o,
        argMaxState(hello.ja3_hash, hello.ts) as ja3_hash,
        uniqCombined64State(12)(ifNull(hello.ja3_hash, '')) as ja3_hashes,
        max(ifNull(hello.tls_version, 0)) as tls_version,
        argMaxState(hello.alpn, hello.ts) as alpn,
        max(toUInt8(ifNull(hello.has_grease, 0))) as has_grease,
        max(toUInt8(ifNull(hello.has_ech, 0))) as has_ech,
        max(toUInt8(ifNull(hello.has_pq_group, 0))) as has_pq_group,
        argMaxState(hello.hello_len, hello.ts) as hello_len,
        argMaxState(hello.segments, hello.ts) as segments,
        argMaxState(hello.tcp_signature, hello.ts) as tcp_signature
    from raw_tls_hellos as hello
    where ifNull(hello.ja4_stable, '') != ''
    group by ja4_stable;

create materialized view if not exists agg_first_seen_mv to agg_first_seen as
    select
        sighting.1 as kind,
        sighting.2 as value,
        min(ts) as first_ts,
        max(ts) as last_ts
    from raw_http_requests
    array join [
        ('client_ip', toString(client_ip)),
        ('host', lower(ifNull(host, ''))),
        ('user_agent', ifNull(user_agent, '')),
        ('header_order_hash', ifNull(header_order_hash, ''))
    ] as sighting
    where sighting.2 != '' and canary_nonce is null
    group by kind, value;

CREATE TABLE IF NOT EXISTS `agg_requests_minute` (`bucket` DateTime64(0, 'UTC'), `host` LowCardinality(String), `ja4_stable` LowCardinality(String), `requests` SimpleAggregateFunction(sum, UInt64), `status_4xx` SimpleAggregateFunction(sum, UInt64), `status_5xx` SimpleAggregateFunction(sum, UInt64), `response_bytes` SimpleAggregateFunction(sum, UInt64), `clients` AggregateFunction(uniqCombined64(12), IPv6) COMMENT 'distinct client addresses') Engine AggregatingMergeTree  ORDER BY (bucket,host,ja4_stable) PARTITION BY toDate(bucket) TTL toDate(bucket) + toIntervalDay(7) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'Requests as they arrived, by host and fingerprint; sum before reading.';

create materialized view if not exists agg_requests_minute_mv to agg_requests_minute as select toDateTime64(toStartOfMinute(ts), 0, 'UTC') as bucket, lower(ifNull(feeder.host, '')) as host, ifNull(feeder.ja4_stable, '') as ja4_stable,
    count() as requests,
    countIf(status between 400 and 499) as status_4xx,
    countIf(status between 500 and 599) as status_5xx,
    sum(ifNull(feeder.response_bytes, 0)) as response_bytes,
    uniqCombined64State(12)(client_ip) as clients
 from raw_http_requests as feeder where feeder.canary_nonce is null group by bucket, host, ja4_stable;

CREATE TABLE IF NOT EXISTS `agg_requests_hour` (`bucket` DateTime64(0, 'UTC'), `host` LowCardinality(String), `ja4_stable` LowCardinality(String), `requests` SimpleAggregateFunction(sum, UInt64), `status_4xx` SimpleAggregateFunction(sum, UInt64), `status_5xx` SimpleAggregateFunction(sum, UInt64), `response_bytes` SimpleAggregateFunction(sum, UInt64), `clients` AggregateFunction(uniqCombined64(12), IPv6) COMMENT 'distinct client addresses') Engine AggregatingMergeTree  ORDER BY (bucket,host,ja4_stable) PARTITION BY toMonday(bucket) TTL toDate(bucket) + toIntervalDay(90) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'Requests as they arrived, by host and fingerprint; sum before reading.';

create materialized view if not exists agg_requests_hour_mv to agg_requests_hour as select toDateTime64(toStartOfHour(feeder.bucket), 0, 'UTC') as bucket, feeder.host as host, feeder.ja4_stable as ja4_stable,
    sum(feeder.requests) as requests,
    sum(feeder.status_4xx) as status_4xx,
    sum(feeder.status_5xx) as status_5xx,
    sum(feeder.response_bytes) as response_bytes,
    uniqCombined64MergeState(12)(feeder.clients) as clients
 from agg_requests_minute as feeder  group by bucket, host, ja4_stable;

CREATE TABLE IF NOT EXISTS `agg_requests_day` (`bucket` DateTime64(0, 'UTC'), `host` LowCardinality(String), `ja4_stable` LowCardinality(String), `requests` SimpleAggregateFunction(sum, UInt64), `status_4xx` SimpleAggregateFunction(sum, UInt64), `status_5xx` SimpleAggregateFunction(sum, UInt64), `response_bytes` SimpleAggregateFunction(sum, UInt64), `clients` AggregateFunction(uniqCombined64(12), IPv6) COMMENT 'distinct client addresses') Engine AggregatingMergeTree  ORDER BY (bucket,host,ja4_stable) PARTITION BY toStartOfMonth(bucket) TTL toDate(bucket) + toIntervalDay(365) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'Requests as they arrived, by host and fingerprint; sum before reading.';

create materialized view if not exists agg_requests_day_mv to agg_requests_day as select toDateTime64(toStartOfDay(feeder.bucket), 0, 'UTC') as bucket, feeder.host as host, feeder.ja4_stable as ja4_stable,
    sum(feeder.requests) as requests,
    sum(feeder.status_4xx) as status_4xx,
    sum(feeder.status_5xx) as status_5xx,
    sum(feeder.response_bytes) as response_bytes,
    uniqCombined64MergeState(12)(feeder.clients) as clients
 from agg_requests_hour as feeder  group by bucket, host, ja4_stable;

CREATE TABLE IF NOT EXISTS `detection_settings` (`set_at` DateTime64(6, 'UTC'), `user` LowCardinality(String), `name` LowCardinality(String) COMMENT 'one of ja4_assets/detection_settings.py', `value` Float64, `note` String COMMENT 'why; '''' if none') Engine MergeTree  ORDER BY (name,set_at) PARTITION BY toYear(set_at) SETTINGS non_replicated_deduplication_window = 1000 COMMENT 'Append-only: the row with the latest set_at of a name holds; others have their default.';

CREATE TABLE IF NOT EXISTS `campaigns` (`hour` DateTime64(0, 'UTC'), `campaign_id` LowCardinality(String) COMMENT 'made at the campaign''s birth, never derived again from what it is now', `status` Enum8('born' = 1, 'alive' = 2, 'merged' = 3, 'ended' = 4, 'withdrawn' = 5), `merged_into` Nullable(String) COMMENT 'campaign_id, if the status is merged', `first_seen` DateTime64(6, 'UTC') COMMENT 'first request of the campaign, of all its hours until this one', `last_seen` DateTime64(6, 'UTC'), `entities` UInt32 COMMENT 'in this hour, as are the counts that follow', `client_ips` UInt32, `ja4s` UInt32, `asns` UInt32, `hosts` UInt32, `requests` UInt64, `summary` String COMMENT 'one sentence for the analyst' CODEC(ZSTD(3)), `signature` String COMMENT 'JSON: what a later hour is compared with' CODEC(ZSTD(3)), `computed_at` DateTime64(6, 'UTC')) Engine ReplacingMergeTree(computed_at)  ORDER BY (hour,campaign_id) PARTITION BY toStartOfMonth(hour) TTL toDate(hour) + toIntervalYear(1) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'One row per campaign and hour in which something happened to it. Read with final.';

CREATE TABLE IF NOT EXISTS `campaign_members` (`hour` DateTime64(0, 'UTC'), `campaign_id` LowCardinality(String) COMMENT ''''' for an entity that a repeated hour took out of its campaign', `client_ip` IPv6, `ja4_stable` LowCardinality(String), `host` LowCardinality(String), `requests` UInt64, `probability` Float32 COMMENT 'strength of membership, 0 to 1', `computed_at` DateTime64(6, 'UTC')) Engine ReplacingMergeTree(computed_at)  ORDER BY (hour,client_ip,ja4_stable,host) PARTITION BY toMonday(hour) TTL toDate(hour) + toIntervalDay(90) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'One row per entity hour that belongs to a campaign. Read with final.';

CREATE TABLE IF NOT EXISTS `review_ranks` (`hour` DateTime64(0, 'UTC'), `client_ip` IPv6, `ja4_stable` LowCardinality(String), `host` LowCardinality(String), `review_score` Float64 COMMENT '0 to 1, review the highest first', `labels_used` UInt32 COMMENT 'labelled entities that the ranking learnt from', `model_name` LowCardinality(String), `model_version` LowCardinality(String) COMMENT 'version whose trees were weighted', `computed_at` DateTime64(6, 'UTC')) Engine ReplacingMergeTree(computed_at)  ORDER BY (hour,client_ip,ja4_stable,host) PARTITION BY toMonday(hour) TTL toDate(hour) + toIntervalDay(90) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'One row per entity hour, once analysts labelled some. Read with final.';

ALTER TABLE `bot_scores` ADD COLUMN IF NOT EXISTS `p_value` Nullable(Float64) COMMENT 'share of ordinary traffic of the class that is as strange, at most';

ALTER TABLE `bot_scores` ADD COLUMN IF NOT EXISTS `traffic_class` LowCardinality(String) COMMENT 'class whose held-out entity hours gave the p-value; empty: none did';

ALTER TABLE `bot_scores` ADD COLUMN IF NOT EXISTS `is_alert` UInt8 COMMENT 'among the alerts of its day of which at most the promised share is wrong';

CREATE TABLE IF NOT EXISTS `shadow_scores` (`hour` DateTime64(0, 'UTC'), `client_ip` IPv6, `ja4_stable` LowCardinality(String), `host` LowCardinality(String), `model_name` LowCardinality(String), `model_version` LowCardinality(String), `anomaly_score` Float64 COMMENT '0 to 1, higher is stranger', `score_quantile` Float64 COMMENT 'rank of the score within the scores of training, 0 to 1', `threshold` Float64, `scored_at` DateTime64(6, 'UTC')) Engine ReplacingMergeTree(scored_at)  ORDER BY (hour,client_ip,ja4_stable,host,model_name,model_version) PARTITION BY toMonday(hour) TTL toDate(hour) + toIntervalDay(14) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'What the challenger would have said, one row per entity hour and version. Read with final.';

CREATE TABLE IF NOT EXISTS `model_versions` (`model_name` LowCardinality(String), `model_version` LowCardinality(String), `alias` LowCardinality(String) COMMENT 'champion, challenger, or empty', `run_id` String COMMENT 'run in MLflow', `trained_at` DateTime64(6, 'UTC'), `window_start` DateTime64(6, 'UTC'), `window_end` DateTime64(6, 'UTC'), `training_rows` UInt64 COMMENT 'entity hours that the forest was fitted on', `features` Array(String), `code_version` LowCardinality(String), `seed` UInt64, `reason` String COMMENT 'why the version has this alias now', `changed_at` DateTime64(6, 'UTC')) Engine MergeTree  ORDER BY (model_name,model_version,changed_at) PARTITION BY toYear(changed_at) SETTINGS non_replicated_deduplication_window = 1000 COMMENT 'Every state of every model version; the latest changed_at of a version holds.';

CREATE TABLE IF NOT EXISTS `model_evaluations` (`evaluated_at` DateTime64(6, 'UTC'), `model_name` LowCardinality(String), `model_version` LowCardinality(String), `data_set` LowCardinality(String) COMMENT 'what it was measured on', `slice` LowCardinality(String) COMMENT 'part of the data set; empty: the whole', `metric` LowCardinality(String), `value` Float64, `low` Nullable(Float64) COMMENT 'lower end of the 95 %% interval', `high` Nullable(Float64) COMMENT 'upper end of the 95 %% interval', `identities` UInt64 COMMENT 'independent clients behind the figure', `note` String) Engine MergeTree  ORDER BY (model_name,model_version,data_set,slice,metric,evaluated_at) PARTITION BY toYear(evaluated_at) SETTINGS non_replicated_deduplication_window = 1000 COMMENT 'Measured figures; the latest evaluated_at of (version, data set, slice, metric) holds.';

CREATE TABLE IF NOT EXISTS `model_drift` (`hour` DateTime64(0, 'UTC') COMMENT 'last hour of the day that was compared', `model_name` LowCardinality(String), `model_version` LowCardinality(String), `feature` LowCardinality(String) COMMENT 'empty: the row of unseen_ja4_share', `psi` Nullable(Float64) COMMENT 'population stability index against training', `ks` Nullable(Float64) COMMENT 'largest distance of the distribution functions, 0 to 1', `unseen_ja4_share` Nullable(Float64) COMMENT 'entity hours with a JA4 that training never saw', `entity_hours` UInt64 COMMENT 'how many were compared', `computed_at` DateTime64(6, 'UTC')) Engine ReplacingMergeTree(computed_at)  ORDER BY (hour,model_name,model_version,feature) PARTITION BY toStartOfMonth(hour) TTL toDate(hour) + toIntervalYear(1) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'How far the traffic of the day up to each hour is from what the model was trained on.';

ALTER TABLE `raw_http_requests` ADD COLUMN IF NOT EXISTS `signature` Nullable(String) COMMENT 'Signature header, RFC 9421';

ALTER TABLE `raw_http_requests` ADD COLUMN IF NOT EXISTS `signature_input` Nullable(String) COMMENT 'Signature-Input: what the signature covers, and with which key';

ALTER TABLE `raw_http_requests` ADD COLUMN IF NOT EXISTS `signature_agent` LowCardinality(Nullable(String)) COMMENT 'Signature-Agent: whose it claims to be';

alter table raw_http_requests add index if not exists signature_is_set (isNotNull(signature)) type minmax granularity 1;

CREATE TABLE IF NOT EXISTS `bot_identities` (`checked_at` DateTime64(6, 'UTC'), `client_ip` IPv6, `claimed` LowCardinality(String) COMMENT 'bot of the catalogue that the client says it is', `operator` LowCardinality(String) COMMENT 'who runs that bot', `method` Enum8('none' = 1, 'range' = 2, 'rdns' = 3, 'web_bot_auth' = 4) COMMENT 'what decided', `state` Enum8('verified' = 1, 'impostor' = 2, 'unknown' = 3), `detail` String COMMENT 'what was found, for the analyst' CODEC(ZSTD(3))) Engine MergeTree  ORDER BY (client_ip,claimed,checked_at) PARTITION BY toStartOfMonth(checked_at) TTL toDate(checked_at) + toIntervalDay(90) SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1 COMMENT 'Every check of a client that claims to be a bot; the latest checked_at of a claim holds.';

CREATE TABLE IF NOT EXISTS `intel_disallowed_paths` (`source` LowCardinality(String), `version` LowCardinality(String), `host` LowCardinality(String) COMMENT 'lower case, no port', `pattern` String COMMENT 'RE2 pattern of a Disallow rule, anchored at the start of the path') Engine MergeTree  ORDER BY (source,host,pattern) PARTITION BY (source, version) SETTINGS non_replicated_deduplication_window = 1000 COMMENT 'Paths that the operator''s robots.txt forbids every bot, of every version kept.';

ALTER TABLE `agg_ja4_seen` ADD COLUMN IF NOT EXISTS `hello_skeleton` AggregateFunction(argMax, Nullable(String), DateTime64(6, 'UTC')) COMMENT 'base64';

drop view if exists agg_ja4_seen_mv;

create materialized view if not exists agg_ja4_seen_mv to agg_ja4_seen as
    select
        assumeNotNull(hello.ja4_stable) as ja4_stable,
        min(hello.ts) as first_ts,
        max(hello.ts) as last_ts,
        argMinState(hello.src_ip, hello.ts) as first_client_ip,
        sumMap(map(ifNull(hello.ja4, ''), toUInt64(1))) as variants,
        argMaxState(hello.ja4_r, hello.ts) as ja4_r,
        argMaxState(hello.ja4_o, hello.ts) as ja4_o,
        argMaxState(hello.ja3_hash, hello.ts) as ja3_hash,
        uniqCombined64State(12)(ifNull(hello.ja3_hash, '')) as ja3_hashes,
        max(ifNull(hello.tls_version, 0)) as tls_version,
        argMaxState(hello.alpn, hello.ts) as alpn,
        max(toUInt8(ifNull(hello.has_grease, 0))) as has_grease,
        max(toUInt8(ifNull(hello.has_ech, 0))) as has_ech,
        max(toUInt8(ifNull(hello.has_pq_group, 0))) as has_pq_group,
        argMaxState(hello.hello_len, hello.ts) as hello_len,
        argMaxState(hello.segments, hello.ts) as segments,
        argMaxState(hello.tcp_signature, hello.ts) as tcp_signature,
        argMaxState(hello.hello_skeleton, hello.ts) as hello_skeleton
    from raw_tls_hellos as hello
    where ifNull(hello.ja4_stable, '') != ''
    group by ja4_stable;

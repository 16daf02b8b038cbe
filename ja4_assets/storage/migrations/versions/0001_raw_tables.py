"""Raw tables that the capture agent writes: hellos, requests and the ledger.

Columns and their order are the fields of `capture_agent.events`; a test holds the two equal.

Partition: one per day of `ts`, because rows leave by whole days. TTL: 15 days, long enough for a fingerprint
to be recomputed from the skeleton after a rule change and for an analyst to look at last week; rollups in dbt
live longer. `ttl_only_drop_parts` makes expiry the removal of files instead of a rewrite.

Order keys start with the hour, which every scheduled read is restricted to, then the source address, which
an analyst's read is restricted to; the rest makes the key the identity of the event, so that a replay of the
same input collapses under `final`.

Revision ID: 0001
Revises: nothing
"""

from __future__ import annotations

from alembic import op

from ja4_assets.storage.columns import column
from ja4_assets.storage.engines import table_engine

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTITION = "toDate(ts)"
TTL = "toDate(ts) + toIntervalDay(15)"

TRANSPORT = "Enum8('tcp' = 1, 'quic' = 2, 'dtls' = 3)"
QUALITY = "Enum8('complete' = 1, 'reassembled' = 2, 'truncated' = 3, 'malformed' = 4)"
JOIN_STATE = "Enum8('matched' = 1, 'ambiguous' = 2, 'midstream' = 3, 'no_hello' = 4, 'cleartext' = 5)"
HEADER_ORDER_SOURCE = "Enum8('wire' = 1, 'server' = 2)"
REPEATED = "LowCardinality(String)"
MAYBE_REPEATED = "LowCardinality(Nullable(String))"
BULKY = "ZSTD(3)"

TLS_HELLOS = (
    column("sensor", REPEATED),
    column("ts", "DateTime64(6, 'UTC')"),
    column("conn_id", "UInt64"),
    column("transport", TRANSPORT),
    column("src_ip", "IPv6"),
    column("src_port", "UInt16"),
    column("dst_ip", "IPv6"),
    column("dst_port", "UInt16"),
    column("sni", "Nullable(String)"),
    column("sni_present", "Nullable(Bool)"),
    column("sni_is_ip", "Nullable(Bool)"),
    column("alpn", "Array(LowCardinality(String))"),
    column("legacy_version", "Nullable(UInt16)"),
    column("tls_version", "Nullable(UInt16)"),
    column("ja4", MAYBE_REPEATED),
    column("ja4_r", MAYBE_REPEATED, codec=BULKY),
    column("ja4_o", "Nullable(String)", codec=BULKY),
    column("ja4_stable", MAYBE_REPEATED),
    column("ja3", "Nullable(String)", codec=BULKY),
    column("ja3_hash", "Nullable(String)"),
    column("ja3n_hash", MAYBE_REPEATED),
    column("fingerprint_spec", "UInt16"),
    column("quality", QUALITY),
    column("malformed_reason", MAYBE_REPEATED),
    column("malformed_offset", "Nullable(UInt32)"),
    column("segments", "UInt16"),
    column("hello_len", "Nullable(UInt32)"),
    column("hello_skeleton", "Nullable(String)", "base64", codec=BULKY),
    column("has_grease", "Nullable(Bool)"),
    column("has_ech", "Nullable(Bool)"),
    column("has_psk", "Nullable(Bool)"),
    column("has_early_data", "Nullable(Bool)"),
    column("has_pq_group", "Nullable(Bool)"),
    column("is_second_hello", "Bool"),
    column("is_sslv2_framed", "Bool"),
    column("preamble", MAYBE_REPEATED),
    column("proxy_src_ip", "Nullable(IPv6)"),
    column("proxy_src_port", "Nullable(UInt16)"),
    column("proxy_dst_ip", "Nullable(IPv6)"),
    column("proxy_dst_port", "Nullable(UInt16)"),
    column("tunnel", MAYBE_REPEATED),
    column("tcp_ttl", "Nullable(UInt8)"),
    column("tcp_window", "Nullable(UInt16)"),
    column("tcp_mss", "Nullable(UInt16)"),
    column("tcp_wscale", "Nullable(UInt8)"),
    column("tcp_options", MAYBE_REPEATED),
    column("tcp_signature", MAYBE_REPEATED),
    column("ip_df", "Nullable(Bool)"),
    column("ip_id", "Nullable(UInt16)"),
    column("syn_ack_rtt_us", "Nullable(UInt32)"),
    column("syn_to_hello_us", "Nullable(UInt32)"),
)

HTTP_REQUESTS = (
    column("sensor", REPEATED),
    column("ts", "DateTime64(6, 'UTC')"),
    column("conn_id", "UInt64"),
    column("peer_ip", "IPv6"),
    column("src_port", "UInt16"),
    column("dst_ip", "IPv6"),
    column("dst_port", "UInt16"),
    column("client_ip", "IPv6"),
    column("xff", "Array(LowCardinality(String))"),
    column("method", REPEATED),
    column("scheme", REPEATED),
    column("host", MAYBE_REPEATED),
    column("path", "String", codec=BULKY),
    column("query", "Nullable(String)", codec=BULKY),
    column("protocol", REPEATED),
    column("status", "UInt16"),
    column("request_bytes", "Nullable(UInt64)"),
    column("response_bytes", "Nullable(UInt64)"),
    column("duration_us", "Nullable(UInt64)"),
    column("request_seq_on_conn", "UInt32"),
    column("header_names", "Array(LowCardinality(String))", codec=BULKY),
    column("header_order_hash", MAYBE_REPEATED),
    column("header_order_source", HEADER_ORDER_SOURCE),
    column("user_agent", MAYBE_REPEATED),
    column("accept", MAYBE_REPEATED),
    column("accept_language", MAYBE_REPEATED),
    column("accept_encoding", MAYBE_REPEATED),
    column("referer", "Nullable(String)", codec=BULKY),
    column("sec_fetch_site", MAYBE_REPEATED),
    column("sec_fetch_mode", MAYBE_REPEATED),
    column("sec_fetch_dest", MAYBE_REPEATED),
    column("sec_fetch_user", MAYBE_REPEATED),
    column("sec_ch_ua", MAYBE_REPEATED),
    column("sec_ch_ua_mobile", MAYBE_REPEATED),
    column("sec_ch_ua_platform", MAYBE_REPEATED),
    column("cookie_names", "Array(LowCardinality(String))"),
    column("h2_fingerprint", MAYBE_REPEATED),
    column("join_state", JOIN_STATE),
    column("join_candidates", "UInt16"),
    column("join_confidence", "Float32"),
    column("hello_to_request_us", "Nullable(Int64)"),
    column("ja4", MAYBE_REPEATED),
    column("ja4_stable", MAYBE_REPEATED),
    column("ja3_hash", "Nullable(String)"),
    column("sni", MAYBE_REPEATED),
    column("tls_version", "Nullable(UInt16)"),
    column("alpn", "Array(LowCardinality(String))"),
    column("quality", f"Nullable({QUALITY})"),
    column("has_grease", "Nullable(Bool)"),
    column("has_ech", "Nullable(Bool)"),
    column("has_psk", "Nullable(Bool)"),
    column("has_pq_group", "Nullable(Bool)"),
    column("tcp_signature", MAYBE_REPEATED),
    column("tcp_ttl", "Nullable(UInt8)"),
    column("tcp_mss", "Nullable(UInt16)"),
)

AGENT_TICK_COUNTERS = (
    "frames_seen",
    "frames_dropped_kernel",
    "frames_undecodable",
    "hellos_complete",
    "hellos_reassembled",
    "hellos_truncated",
    "hellos_malformed",
    "hellos_unused",
    "flows_opened",
    "flows_evicted_idle",
    "flows_evicted_full",
    "streams_evicted_bytes",
    "streams_evicted_segments",
    "http_events_seen",
    "http_events_rejected",
    "http_events_dropped",
    "http_events_lost",
    "requests_matched",
    "requests_ambiguous",
    "requests_midstream",
    "requests_no_hello",
    "requests_cleartext",
    "requests_waiting",
    "rows_inserted",
    "rows_spooled",
    "rows_discarded",
)


def upgrade() -> None:
    """Create the three raw tables."""
    op.create_table(
        "raw_tls_hellos",
        *TLS_HELLOS,
        clickhousedb_engine=table_engine(
            # fingerprint_spec is the version and stays out of the key: a row that was fingerprinted again
            # under newer rules takes the place of the older one.
            order_by=(
                "toStartOfHour(ts)",
                "src_ip",
                "ts",
                "sensor",
                "conn_id",
                "transport",
                "src_port",
                "is_second_hello",
            ),
            partition_by=PARTITION,
            ttl=TTL,
            newest_by_key=True,
            version="fingerprint_spec",
        ),
        comment="One row per ClientHello seen, also those that no request followed. Read with final.",
        if_not_exists=True,
    )
    op.create_table(
        "raw_http_requests",
        *HTTP_REQUESTS,
        clickhousedb_engine=table_engine(
            # conn_id stays out of the key: a request that a late hello joins after all is sent again with
            # the connection's id, and must replace the row that had none.
            order_by=(
                "toStartOfHour(ts)",
                "client_ip",
                "ts",
                "sensor",
                "peer_ip",
                "src_port",
                "dst_port",
                "request_seq_on_conn",
            ),
            partition_by=PARTITION,
            ttl=TTL,
            newest_by_key=True,
        ),
        comment="One row per finished request, joined with the hello of its connection. Read with final.",
        if_not_exists=True,
    )
    op.create_table(
        "raw_agent_ticks",
        column("sensor", REPEATED),
        column("ts", "DateTime64(6, 'UTC')"),
        column("run_id", "UInt64"),
        *(column(counter, "UInt64") for counter in AGENT_TICK_COUNTERS),
        clickhousedb_engine=table_engine(
            # The one raw table read per sensor: its health over time. A minute has few rows.
            order_by=("sensor", "ts", "run_id"),
            partition_by=PARTITION,
            ttl=TTL,
            newest_by_key=True,
        ),
        comment="The agent's ledger: one row per sensor, run and minute. Read with final.",
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drop the raw tables with everything the sensors sent."""
    op.drop_table("raw_agent_ticks", if_exists=True)
    op.drop_table("raw_http_requests", if_exists=True)
    op.drop_table("raw_tls_hellos", if_exists=True)

"""The columns of the marts that `queries/` read, for the health check and the contract test."""

from __future__ import annotations

from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.rows import MartColumn

_ENTITY = ("hour", "client_ip", "ja4_stable", "host")

MART_COLUMNS: dict[str, tuple[str, ...]] = {
    "fct_entity_hour": (
        *_ENTITY,
        "requests",
        "user_agent",
        "ua_family",
        "ua_ja4_known_mismatch",
        "alpn_proto_gap",
        "tls_floor_gap",
        "grease_missing",
        "pq_missing",
        "ttl_os_mismatch",
        "secfetch_missing",
        "ch_ua_mismatch",
        "ch_platform_mismatch",
    ),
    "fct_ja4_hour": ("hour", "ja4_stable", "hellos", "hellos_unused"),
    "fct_request_minute": ("minute", "client_ip", "ja4_stable", "host", "requests"),
    "fct_entity_verdict": (
        *_ENTITY,
        "requests",
        "user_agent",
        "first_ts",
        "last_ts",
        "status_4xx",
        "score_quantile",
        "top_features",
        "verdict",
        "verdict_source",
        "verdict_source_id",
        "reason",
        "evidence",
    ),
    "fct_alert": (
        *_ENTITY,
        "requests",
        "user_agent",
        "first_ts",
        "last_ts",
        "asn",
        "country",
        "score_quantile",
        "top_features",
        "verdict",
        "verdict_source",
        "verdict_source_id",
        "reason",
        "evidence",
    ),
    "fct_request": (
        "ts",
        "hour",
        "sensor",
        "client_ip",
        "peer_ip",
        "method",
        "scheme",
        "host",
        "path",
        "protocol",
        "status",
        "response_bytes",
        "duration_us",
        "user_agent",
        "ua_family",
        "referer",
        "header_names",
        "header_order_hash",
        "join_state",
        "join_confidence",
        "ja4",
        "ja4_stable",
        "asn",
        "asn_kind",
        "country",
        "cloud",
        "crawler_state",
        "conn_id",
        "request_seq_on_conn",
    ),
    "dim_ja4": (
        "ja4_stable",
        "first_seen",
        "last_seen",
        "requests",
        "hellos",
        "variants",
        "ja4_r",
        "ja4_o",
        "ja3_hash",
        "ja3_hashes",
        "tls_version",
        "alpn",
        "has_grease",
        "has_ech",
        "has_pq_group",
        "hello_len",
        "segments",
        "tcp_signature",
        "known_client",
    ),
    "fct_join_accuracy": (
        "sensor",
        "minute",
        "requests",
        "requests_right",
        "requests_wrong",
        "requests_unreported",
    ),
    "dim_label": (
        "label_id",
        "labelled_at",
        "first_labelled_at",
        "user",
        "scope",
        "client_ip",
        "ja4",
        "host",
        "label",
        "note",
        "expires_at",
        "is_revoked",
        "is_active",
    ),
    "fct_audit": ("at", "user", "action", "target", "details"),
    "fct_sensor_minute": (
        "sensor",
        "minute",
        "frames_seen",
        "frames_dropped_kernel",
        "http_events_seen",
        "http_events_lost",
        "http_events_dropped",
        "requests_matched",
        "requests_ambiguous",
        "requests_midstream",
        "requests_no_hello",
        "hellos_complete",
        "hellos_reassembled",
        "hellos_truncated",
        "hellos_malformed",
        "hellos_unused",
    ),
}


async def missing_columns(marts: MartDatabase) -> list[str]:
    """`mart.column` of every column that a query needs and the connected database lacks."""
    present = {
        (row.mart, row.column)
        for row in await marts.fetch("mart_columns", MartColumn, {"marts": list(MART_COLUMNS)})
    }
    return [
        f"{mart}.{column}"
        for mart, columns in MART_COLUMNS.items()
        for column in columns
        if (mart, column) not in present
    ]

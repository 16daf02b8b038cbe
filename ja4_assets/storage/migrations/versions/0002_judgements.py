"""Judgements and who made them: scores, verdicts, analyst labels and the audit log.

An entity is (hour, client_ip, ja4_stable, host); `ja4_stable` and `host` are '' where it had none.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op

from ja4_assets.storage.columns import column
from ja4_assets.storage.engines import table_engine

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

REPEATED = "LowCardinality(String)"
MOMENT = "DateTime64(6, 'UTC')"
TOP_FEATURES = (
    "Array(Tuple(name String, value Nullable(Float64), norm Nullable(Float64), contribution Float64))"
)

ENTITY = (
    # DateTime64(0) and not DateTime: the embedded engine drops the zone of DateTime('UTC'), and clients
    # would then read the column in their own.
    ("hour", "DateTime64(0, 'UTC')"),
    ("client_ip", "IPv6"),
    ("ja4_stable", REPEATED),
    ("host", REPEATED),
)


def upgrade() -> None:
    """Create the four tables."""
    op.create_table(
        "bot_scores",
        *(column(name, kind) for name, kind in ENTITY),
        column("model_name", REPEATED),
        column("model_version", REPEATED, "version in the model registry"),
        column("anomaly_score", "Float64", "0 to 1, higher is stranger"),
        column("score_quantile", "Float64", "rank of the score within the scores of training, 0 to 1"),
        column("threshold", "Float64", "score from which the model calls an entity anomalous"),
        column(
            "top_features",
            TOP_FEATURES,
            "largest contribution first; norm is the training median",
        ),
        column("data_version", REPEATED, "version of the training data"),
        column("dagster_run_id", REPEATED),
        column("scored_at", MOMENT),
        clickhousedb_engine=table_engine(
            # Scoring an hour again replaces its scores; the reader restricts the hour first, then picks
            # entities. Kept as long as the hourly rollup it joins to; weekly partitions keep few parts.
            order_by=("hour", "client_ip", "ja4_stable", "host", "model_name", "model_version"),
            partition_by="toMonday(hour)",
            ttl="toDate(hour) + toIntervalDay(90)",
            newest_by_key=True,
            version="scored_at",
        ),
        comment="One row per entity hour and model version. Read with final.",
        if_not_exists=True,
    )
    op.create_table(
        "verdicts",
        column("decided_at", MOMENT),
        *(column(name, kind) for name, kind in ENTITY),
        column(
            "verdict",
            "Enum8('human' = 1, 'good_bot' = 2, 'suspicious' = 3, 'bad_bot' = 4, 'unknown' = 5)",
        ),
        column("source", "Enum8('rule' = 1, 'model' = 2)"),
        column("source_id", REPEATED, "rule id, or model_name:version"),
        column("confidence", "Float32", "0 to 1"),
        column("reason", "String", "one sentence for the analyst", codec="ZSTD(3)"),
        column("evidence", "Map(LowCardinality(String), String)", "column -> value seen", codec="ZSTD(3)"),
        column("dagster_run_id", REPEATED),
        clickhousedb_engine=table_engine(
            # Append-only: what was decided stays visible after it was revised. A year, so that a block can
            # be justified long after; monthly partitions because rows per month are few.
            order_by=("hour", "client_ip", "ja4_stable", "host", "decided_at"),
            partition_by="toStartOfMonth(hour)",
            ttl="toDate(hour) + toIntervalYear(1)",
        ),
        comment="Every decision ever made about an entity hour; the latest decided_at holds.",
        if_not_exists=True,
    )
    op.create_table(
        "analyst_labels",
        column("labelled_at", MOMENT),
        column("label_id", "UUID", "a change or revocation repeats the id with a later labelled_at"),
        column("user", REPEATED),
        column("scope", "Enum8('entity' = 1, 'client_ip' = 2, 'ja4' = 3, 'ja4_stable' = 4)"),
        column("client_ip", "Nullable(IPv6)"),
        column("ja4", "Nullable(String)", "exact or stable value, as scope says"),
        column("host", "Nullable(String)"),
        column("label", "Enum8('human' = 1, 'good_bot' = 2, 'bad_bot' = 3, 'unknown' = 4)"),
        column("note", "String"),
        column("expires_at", "Nullable(DateTime64(6, 'UTC'))"),
        column("is_revoked", "Bool"),
        clickhousedb_engine=table_engine(
            # Ordered by label because the one read is the last state of each. Kept for ever: labels are
            # work that cannot be recomputed, and they are few.
            order_by=("label_id", "labelled_at"),
            partition_by="toYear(labelled_at)",
        ),
        comment="Append-only: the row with the latest labelled_at of a label_id holds.",
        if_not_exists=True,
    )
    op.create_table(
        "audit_log",
        column("at", MOMENT),
        column("user", REPEATED),
        column("action", REPEATED),
        column("target", "String"),
        column("details", "String", "JSON object"),
        clickhousedb_engine=table_engine(
            # Read newest first, by time. No TTL: who did what must outlive the traffic it was about.
            order_by=("at", "user"),
            partition_by="toYear(at)",
        ),
        comment="Append-only: what analysts did.",
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drop the four tables, analysts' labels included."""
    for table in ("audit_log", "analyst_labels", "verdicts", "bot_scores"):
        op.drop_table(table, if_exists=True)

"""The false-alarm promise beside each score; what models were, how good they are, how traffic moves away.

Scores of older platforms hold no p-value: no promise was made for them.

Revision ID: 0008
Revises: 0009
"""

from __future__ import annotations

from alembic import op

from ja4_assets.storage.columns import column
from ja4_assets.storage.engines import table_engine

revision = "0008"
down_revision = "0009"
branch_labels = None
depends_on = None

REPEATED = "LowCardinality(String)"
MOMENT = "DateTime64(6, 'UTC')"
# DateTime64(0) and not DateTime: see 0002.
HOUR = "DateTime64(0, 'UTC')"
MODEL = (("model_name", REPEATED), ("model_version", REPEATED))

PROMISE = (
    ("p_value", "Nullable(Float64)", "share of ordinary traffic of the class that is as strange, at most"),
    ("traffic_class", REPEATED, "class whose held-out entity hours gave the p-value; empty: none did"),
    ("is_alert", "UInt8", "among the alerts of its day of which at most the promised share is wrong"),
)


def upgrade() -> None:
    """Add the columns, create the tables."""
    for name, kind, comment in PROMISE:
        op.add_column("bot_scores", column(name, kind, comment), if_not_exists=True)
    op.create_table(
        "shadow_scores",
        column("hour", HOUR),
        column("client_ip", "IPv6"),
        column("ja4_stable", REPEATED),
        column("host", REPEATED),
        *(column(name, kind) for name, kind in MODEL),
        column("anomaly_score", "Float64", "0 to 1, higher is stranger"),
        column("score_quantile", "Float64", "rank of the score within the scores of training, 0 to 1"),
        column("threshold", "Float64"),
        column("scored_at", MOMENT),
        clickhousedb_engine=table_engine(
            # A table of its own: whatever reads bot_scores takes the newest score of an entity hour, and a
            # challenger must not be mistaken for the champion. Two weeks are enough to compare the two.
            order_by=("hour", "client_ip", "ja4_stable", "host", "model_name", "model_version"),
            partition_by="toMonday(hour)",
            ttl="toDate(hour) + toIntervalDay(14)",
            newest_by_key=True,
            version="scored_at",
        ),
        comment="What the challenger would have said, one row per entity hour and version. Read with final.",
        if_not_exists=True,
    )
    op.create_table(
        "model_versions",
        *(column(name, kind) for name, kind in MODEL),
        column("alias", REPEATED, "champion, challenger, or empty"),
        column("run_id", "String", "run in MLflow"),
        column("trained_at", MOMENT),
        column("window_start", MOMENT),
        column("window_end", MOMENT),
        column("training_rows", "UInt64", "entity hours that the forest was fitted on"),
        column("features", "Array(String)"),
        column("code_version", REPEATED),
        column("seed", "UInt64"),
        column("reason", "String", "why the version has this alias now"),
        column("changed_at", MOMENT),
        clickhousedb_engine=table_engine(
            # Append-only and kept for ever: which model judged when must outlive the traffic it judged.
            order_by=("model_name", "model_version", "changed_at"),
            partition_by="toYear(changed_at)",
        ),
        comment="Every state of every model version; the latest changed_at of a version holds.",
        if_not_exists=True,
    )
    op.create_table(
        "model_evaluations",
        column("evaluated_at", MOMENT),
        *(column(name, kind) for name, kind in MODEL),
        column("data_set", REPEATED, "what it was measured on"),
        column("slice", REPEATED, "part of the data set; empty: the whole"),
        column("metric", REPEATED),
        column("value", "Float64"),
        column("low", "Nullable(Float64)", "lower end of the 95 % interval"),
        column("high", "Nullable(Float64)", "upper end of the 95 % interval"),
        column("identities", "UInt64", "independent clients behind the figure"),
        column("note", "String"),
        clickhousedb_engine=table_engine(
            # Read by version; kept for ever, a few hundred rows a training.
            order_by=("model_name", "model_version", "data_set", "slice", "metric", "evaluated_at"),
            partition_by="toYear(evaluated_at)",
        ),
        comment="Measured figures; the latest evaluated_at of (version, data set, slice, metric) holds.",
        if_not_exists=True,
    )
    op.create_table(
        "model_drift",
        column("hour", HOUR, "last hour of the day that was compared"),
        *(column(name, kind) for name, kind in MODEL),
        column("feature", REPEATED, "empty: the row of unseen_ja4_share"),
        column("psi", "Nullable(Float64)", "population stability index against training"),
        column("ks", "Nullable(Float64)", "largest distance of the distribution functions, 0 to 1"),
        column("unseen_ja4_share", "Nullable(Float64)", "entity hours with a JA4 that training never saw"),
        column("entity_hours", "UInt64", "how many were compared"),
        column("computed_at", MOMENT),
        clickhousedb_engine=table_engine(
            order_by=("hour", "model_name", "model_version", "feature"),
            partition_by="toStartOfMonth(hour)",
            ttl="toDate(hour) + toIntervalYear(1)",
            newest_by_key=True,
            version="computed_at",
        ),
        comment="How far the traffic of the day up to each hour is from what the model was trained on.",
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drop tables and columns."""
    for table in ("model_drift", "model_evaluations", "model_versions", "shadow_scores"):
        op.drop_table(table, if_exists=True)
    for name, _, _ in PROMISE:
        op.drop_column("bot_scores", name, if_exists=True)

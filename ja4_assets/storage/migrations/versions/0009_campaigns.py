"""Campaigns: which suspicious entities act as one, hour by hour; and the order in which to review entities.

Each hour can be computed again. What it finds replaces what it found before: campaigns by (hour,
campaign_id), members by entity hour. A campaign that a repeated hour no longer finds there becomes
`withdrawn` in that hour, an entity that no longer belongs to one gets the empty `campaign_id`. Rejected:
deleting the rows, a mutation that readers see half done.

Revision ID: 0009
Revises: 0010
"""

from __future__ import annotations

from alembic import op

from ja4_assets.storage.columns import column
from ja4_assets.storage.engines import table_engine

revision = "0009"
down_revision = "0010"
branch_labels = None
depends_on = None

REPEATED = "LowCardinality(String)"
MOMENT = "DateTime64(6, 'UTC')"
HOUR = "DateTime64(0, 'UTC')"
ENTITY = (("client_ip", "IPv6"), ("ja4_stable", REPEATED), ("host", REPEATED))


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "campaigns",
        column("hour", HOUR),
        column(
            "campaign_id", REPEATED, "made at the campaign's birth, never derived again from what it is now"
        ),
        column("status", "Enum8('born' = 1, 'alive' = 2, 'merged' = 3, 'ended' = 4, 'withdrawn' = 5)"),
        column("merged_into", "Nullable(String)", "campaign_id, if the status is merged"),
        column("first_seen", MOMENT, "first request of the campaign, of all its hours until this one"),
        column("last_seen", MOMENT),
        column("entities", "UInt32", "in this hour, as are the counts that follow"),
        column("client_ips", "UInt32"),
        column("ja4s", "UInt32"),
        column("asns", "UInt32"),
        column("hosts", "UInt32"),
        column("requests", "UInt64"),
        column("summary", "String", "one sentence for the analyst", codec="ZSTD(3)"),
        column("signature", "String", "JSON: what a later hour is compared with", codec="ZSTD(3)"),
        column("computed_at", MOMENT),
        clickhousedb_engine=table_engine(
            # A year, as verdicts: a block may rest on a campaign. Few rows a month, so monthly partitions.
            order_by=("hour", "campaign_id"),
            partition_by="toStartOfMonth(hour)",
            ttl="toDate(hour) + toIntervalYear(1)",
            newest_by_key=True,
            version="computed_at",
        ),
        comment="One row per campaign and hour in which something happened to it. Read with final.",
        if_not_exists=True,
    )
    op.create_table(
        "campaign_members",
        column("hour", HOUR),
        column("campaign_id", REPEATED, "'' for an entity that a repeated hour took out of its campaign"),
        *(column(name, kind) for name, kind in ENTITY),
        column("requests", "UInt64"),
        column("probability", "Float32", "strength of membership, 0 to 1"),
        column("computed_at", MOMENT),
        clickhousedb_engine=table_engine(
            # An entity belongs to one campaign an hour, so the key does not hold the campaign: an entity
            # that a repeated hour finds in another one moves there. Kept as long as the entity hours it
            # joins to.
            order_by=("hour", "client_ip", "ja4_stable", "host"),
            partition_by="toMonday(hour)",
            ttl="toDate(hour) + toIntervalDay(90)",
            newest_by_key=True,
            version="computed_at",
        ),
        comment="One row per entity hour that belongs to a campaign. Read with final.",
        if_not_exists=True,
    )
    op.create_table(
        "review_ranks",
        column("hour", HOUR),
        *(column(name, kind) for name, kind in ENTITY),
        column("review_score", "Float64", "0 to 1, review the highest first"),
        column("labels_used", "UInt32", "labelled entities that the ranking learnt from"),
        column("model_name", REPEATED),
        column("model_version", REPEATED, "version whose trees were weighted"),
        column("computed_at", MOMENT),
        clickhousedb_engine=table_engine(
            order_by=("hour", "client_ip", "ja4_stable", "host"),
            partition_by="toMonday(hour)",
            ttl="toDate(hour) + toIntervalDay(90)",
            newest_by_key=True,
            version="computed_at",
        ),
        comment="One row per entity hour, once analysts labelled some. Read with final.",
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drop the three tables."""
    for table in ("review_ranks", "campaign_members", "campaigns"):
        op.drop_table(table, if_exists=True)

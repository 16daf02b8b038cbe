"""Thresholds that people set on the screen.

Revision ID: 0010
Revises: 0007
"""

from __future__ import annotations

from alembic import op

from ja4_assets.storage.columns import column
from ja4_assets.storage.engines import table_engine

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "detection_settings",
        column("set_at", "DateTime64(6, 'UTC')"),
        column("user", "LowCardinality(String)"),
        column("name", "LowCardinality(String)", "one of ja4_assets/detection_settings.py"),
        column("value", "Float64"),
        column("note", "String", "why; '' if none"),
        clickhousedb_engine=table_engine(
            # The one read is the newest value of each name. Kept for ever: a verdict must be explainable by
            # the threshold that held when it was given.
            order_by=("name", "set_at"),
            partition_by="toYear(set_at)",
        ),
        comment="Append-only: the row with the latest set_at of a name holds; others have their default.",
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drop the table with every value that was set."""
    op.drop_table("detection_settings", if_exists=True)

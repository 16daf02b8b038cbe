"""Rows say at which site their sensor stands, and the ledger what include and exclude lists left out.

Rows of older agents hold no site, and 0 excluded.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op

from ja4_assets.storage.columns import column

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = {"raw_tls_hellos": "sensor", "raw_http_requests": "sensor", "raw_agent_ticks": "run_id"}
"""With the column behind which the new one stands, as in the agent's structs."""
COLUMN = "site"
LEDGER = "raw_agent_ticks"
COUNTERS = ("http_events_excluded", "rows_excluded")


def upgrade() -> None:
    """Add the columns."""
    for table, before in TABLES.items():
        op.execute(
            f"alter table {table} add column if not exists {COLUMN} LowCardinality(String) "
            f"comment 'where the sensor stands, as its operator calls it' after {before}"
        )
    for counter in COUNTERS:
        op.add_column(LEDGER, column(counter, "UInt64"), if_not_exists=True)


def downgrade() -> None:
    """Drop the columns."""
    for counter in COUNTERS:
        op.drop_column(LEDGER, counter, if_exists=True)
    for table in TABLES:
        op.drop_column(table, COLUMN, if_exists=True)

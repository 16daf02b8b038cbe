"""Requests of a canary are marked, so that joins can be measured by them and visitors judged without them.

Rows of older agents hold null: visitors.

Revision ID: 0006
Revises: 0004
"""

from __future__ import annotations

from alembic import op

from ja4_assets.storage.columns import column

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "raw_http_requests"
COLUMN = "canary_nonce"
INDEX = "canary_nonce_is_set"


def upgrade() -> None:
    """Add the column, and an index: every read of hellos asks for the few connections of a canary."""
    op.add_column(
        TABLE,
        column(COLUMN, "Nullable(String)", "nonce of a canary's request; null: a visitor"),
        if_not_exists=True,
    )
    op.execute(
        f"alter table {TABLE} add index if not exists {INDEX} (isNotNull({COLUMN})) type minmax granularity 1"
    )


def downgrade() -> None:
    """Drop both."""
    op.execute(f"alter table {TABLE} drop index if exists {INDEX}")
    op.drop_column(TABLE, COLUMN, if_exists=True)

"""The ledger tells clock skew, what cleartext reading did, and every bound that cost something.

Rows of older agents hold 0, and null for the clock skew: not observed.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

from ja4_assets.storage.columns import column

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = "raw_agent_ticks"
COUNTERS = (
    "flows_closed",
    "epochs_evicted_full",
    "epochs_restored",
    "streams_evicted_timeout",
    "quic_unopened",
    "fragments_evicted_full",
    "fragments_evicted_timeout",
    "fragments_discarded_overlap",
    "fragments_discarded_oversize",
    "http_events_duplicate",
    "cleartext_requests_read",
    "cleartext_requests_unanswered",
    "cleartext_heads_malformed",
    "cleartext_heads_oversize",
    "cleartext_streams_gap",
    "cleartext_streams_evicted_full",
)
CLOCK_SKEW = "clock_skew_us"


def upgrade() -> None:
    """Add the columns behind the others."""
    for counter in COUNTERS:
        op.add_column(TABLE, column(counter, "UInt64"), if_not_exists=True)
    op.add_column(
        TABLE,
        column(
            CLOCK_SKEW,
            "Nullable(Int64)",
            "clock of the HTTP events, clock_offset_us taken off, minus clock of the packets, at most",
        ),
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drop the columns."""
    for name in (*COUNTERS, CLOCK_SKEW):
        op.drop_column(TABLE, name, if_exists=True)

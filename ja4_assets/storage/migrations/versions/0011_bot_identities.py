"""Who a client is that says it is a bot, the headers by which it can prove it, and where bots may not go.

Requests of older agents hold null: no signature was looked for.

Revision ID: 0011
Revises: 0008
"""

from __future__ import annotations

from alembic import op

from ja4_assets.storage.columns import column
from ja4_assets.storage.engines import table_engine

revision = "0011"
down_revision = "0008"
branch_labels = None
depends_on = None

REPEATED = "LowCardinality(String)"
MOMENT = "DateTime64(6, 'UTC')"
REQUESTS = "raw_http_requests"
# Each request has another signature, so a dictionary of them would only cost; most requests have none.
SIGNATURE_HEADERS = (
    ("signature", "Nullable(String)", "Signature header, RFC 9421"),
    ("signature_input", "Nullable(String)", "Signature-Input: what the signature covers, and with which key"),
    (
        "signature_agent",
        "LowCardinality(Nullable(String))",
        "Signature-Agent: whose it claims to be",
    ),
)
INDEX = "signature_is_set"


def upgrade() -> None:
    """Create the tables, add the columns behind the others, and an index: signed requests are few."""
    for name, kind, comment in SIGNATURE_HEADERS:
        op.add_column(REQUESTS, column(name, kind, comment), if_not_exists=True)
    op.execute(
        f"alter table {REQUESTS} add index if not exists {INDEX} "
        "(isNotNull(signature)) type minmax granularity 1"
    )
    op.create_table(
        "bot_identities",
        column("checked_at", MOMENT),
        column("client_ip", "IPv6"),
        column("claimed", REPEATED, "bot of the catalogue that the client says it is"),
        column("operator", REPEATED, "who runs that bot"),
        column("method", "Enum8('none' = 1, 'range' = 2, 'rdns' = 3, 'web_bot_auth' = 4)", "what decided"),
        column("state", "Enum8('verified' = 1, 'impostor' = 2, 'unknown' = 3)"),
        column("detail", "String", "what was found, for the analyst", codec="ZSTD(3)"),
        clickhousedb_engine=table_engine(
            # Append-only: who an address was when it was judged stays visible. A client is checked again
            # daily, so rows that hold are young and a quarter of a year keeps every verdict of the raw rows'
            # time explicable. Ordered by what readers join on.
            order_by=("client_ip", "claimed", "checked_at"),
            partition_by="toStartOfMonth(checked_at)",
            ttl="toDate(checked_at) + toIntervalDay(90)",
        ),
        comment="Every check of a client that claims to be a bot; the latest checked_at of a claim holds.",
        if_not_exists=True,
    )
    op.create_table(
        "intel_disallowed_paths",
        column("source", REPEATED),
        column("version", REPEATED),
        column("host", REPEATED, "lower case, no port"),
        column("pattern", "String", "RE2 pattern of a Disallow rule, anchored at the start of the path"),
        clickhousedb_engine=table_engine(
            # As the other reference data: a version is a partition, so that an old one is dropped whole.
            order_by=("source", "host", "pattern"),
            partition_by="(source, version)",
        ),
        comment="Paths that the operator's robots.txt forbids every bot, of every version kept.",
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drop the tables, the index and the columns."""
    op.drop_table("intel_disallowed_paths", if_exists=True)
    op.drop_table("bot_identities", if_exists=True)
    op.execute(f"alter table {REQUESTS} drop index if exists {INDEX}")
    for name, *_ in SIGNATURE_HEADERS:
        op.drop_column(REQUESTS, name, if_exists=True)

"""The latest hello of each fingerprint outlives the raw rows, so that its lists can be shown by name.

Revision ID: 0014
Revises: 0011
"""

from __future__ import annotations

from alembic import op

from ja4_assets.storage.columns import column

revision = "0014"
down_revision = "0011"
branch_labels = None
depends_on = None

SEEN = "agg_ja4_seen"
BEFORE = """
    select
        assumeNotNull(hello.ja4_stable) as ja4_stable,
        min(hello.ts) as first_ts,
        max(hello.ts) as last_ts,
        argMinState(hello.src_ip, hello.ts) as first_client_ip,
        sumMap(map(ifNull(hello.ja4, ''), toUInt64(1))) as variants,
        argMaxState(hello.ja4_r, hello.ts) as ja4_r,
        argMaxState(hello.ja4_o, hello.ts) as ja4_o,
        argMaxState(hello.ja3_hash, hello.ts) as ja3_hash,
        uniqCombined64State(12)(ifNull(hello.ja3_hash, '')) as ja3_hashes,
        max(ifNull(hello.tls_version, 0)) as tls_version,
        argMaxState(hello.alpn, hello.ts) as alpn,
        max(toUInt8(ifNull(hello.has_grease, 0))) as has_grease,
        max(toUInt8(ifNull(hello.has_ech, 0))) as has_ech,
        max(toUInt8(ifNull(hello.has_pq_group, 0))) as has_pq_group,
        argMaxState(hello.hello_len, hello.ts) as hello_len,
        argMaxState(hello.segments, hello.ts) as segments,
        argMaxState(hello.tcp_signature, hello.ts) as tcp_signature
    from raw_tls_hellos as hello
    where ifNull(hello.ja4_stable, '') != ''
    group by ja4_stable
"""
TRAITS = BEFORE.replace(
    "as tcp_signature\n",
    "as tcp_signature,\n        argMaxState(hello.hello_skeleton, hello.ts) as hello_skeleton\n",
)
STORED = """
    insert into agg_ja4_seen (ja4_stable, first_ts, last_ts, hello_skeleton)
    select
        assumeNotNull(hello.ja4_stable) as ja4_stable,
        min(hello.ts) as first_ts,
        max(hello.ts) as last_ts,
        argMaxState(hello.hello_skeleton, hello.ts) as hello_skeleton
    from raw_tls_hellos as hello
    where ifNull(hello.ja4_stable, '') != ''
    group by ja4_stable
"""
"""Takes the stored hellos in. The other columns stay empty, which adds nothing to what is known already."""


def upgrade() -> None:
    """Add the column, let the view fill it, and take in what is stored.

    A view cannot be changed on every server by one statement of both forms, so it is made again; agents
    refuse a schema that is not theirs, so none writes meanwhile.
    """
    # Base64 of 0.5 to 2 kB, one a fingerprint: thousands of rows.
    op.add_column(
        SEEN,
        column(
            "hello_skeleton", "AggregateFunction(argMax, Nullable(String), DateTime64(6, 'UTC'))", "base64"
        ),
        if_not_exists=True,
    )
    _make_view_again(TRAITS)
    op.get_bind().exec_driver_sql(STORED)


def downgrade() -> None:
    """Fill the table as before, then drop the column."""
    _make_view_again(BEFORE)
    op.drop_column(SEEN, "hello_skeleton", if_exists=True)


def _make_view_again(query: str) -> None:
    op.execute(f"drop view if exists {SEEN}_mv")
    op.execute(f"create materialized view if not exists {SEEN}_mv to {SEEN} as {query}")

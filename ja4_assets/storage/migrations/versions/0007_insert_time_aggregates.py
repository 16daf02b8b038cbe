"""What is kept of the raw rows at the moment they arrive: when a thing was first seen, and the rollup ladder.

Materialised views do it, so the cost is paid by the rows that arrive and never by history, and it outlives
the raw rows. They are made here and not by dbt because a view that comes after the first row has missed it.

First sightings and traits use functions that give the same for a row stored twice (minimum, maximum, latest,
distinct). The ladder's sums do not: a request that is sent again, because its capture was replayed or its
hello came late, counts again there. The exact numbers of an hour are the marts'; the ladder is for what must
outlive them.

Revision ID: 0007
Revises: 0005
"""

from __future__ import annotations

from alembic import op

from ja4_assets.storage.columns import column
from ja4_assets.storage.engines import table_engine

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = "DateTime64(6, 'UTC')"
FIRST = f"SimpleAggregateFunction(min, {MOMENT})"
LAST = f"SimpleAggregateFunction(max, {MOMENT})"
SUM = "SimpleAggregateFunction(sum, UInt64)"
REPEATED = "LowCardinality(String)"
CLIENTS = "AggregateFunction(uniqCombined64(12), IPv6)"
YEAR = "toDate(last_ts) + toIntervalYear(1)"

LADDER = {
    "agg_requests_minute": ("toStartOfMinute(ts)", "raw_http_requests", "toDate(bucket)", 7),
    "agg_requests_hour": ("toStartOfHour(feeder.bucket)", "agg_requests_minute", "toMonday(bucket)", 90),
    "agg_requests_day": ("toStartOfDay(feeder.bucket)", "agg_requests_hour", "toStartOfMonth(bucket)", 365),
}
"""Table -> start of its buckets, the table that feeds it, partition, days kept. Partitions of the minute rung
are days because rows leave by the day; higher rungs hold few rows: weeks and months keep the parts few."""

FROM_RAW = """
    count() as requests,
    countIf(status between 400 and 499) as status_4xx,
    countIf(status between 500 and 599) as status_5xx,
    sum(ifNull(feeder.response_bytes, 0)) as response_bytes,
    uniqCombined64State(12)(client_ip) as clients
"""
FROM_RUNG = """
    sum(feeder.requests) as requests,
    sum(feeder.status_4xx) as status_4xx,
    sum(feeder.status_5xx) as status_5xx,
    sum(feeder.response_bytes) as response_bytes,
    uniqCombined64MergeState(12)(feeder.clients) as clients
"""

JA4_TRAITS = """
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

SIGHTINGS = """
    select
        sighting.1 as kind,
        sighting.2 as value,
        min(ts) as first_ts,
        max(ts) as last_ts
    from raw_http_requests
    array join [
        ('client_ip', toString(client_ip)),
        ('host', lower(ifNull(host, ''))),
        ('user_agent', ifNull(user_agent, '')),
        ('header_order_hash', ifNull(header_order_hash, ''))
    ] as sighting
    where sighting.2 != '' and canary_nonce is null
    group by kind, value
"""


def upgrade() -> None:
    """Create each table and the view that fills it, and take in what is stored already."""
    op.create_table(
        "agg_ja4_seen",
        column("ja4_stable", REPEATED),
        column("first_ts", FIRST),
        column("last_ts", LAST),
        column("first_client_ip", f"AggregateFunction(argMin, IPv6, {MOMENT})"),
        column("variants", "SimpleAggregateFunction(sumMap, Map(String, UInt64))", "exact JA4 -> hellos"),
        column("ja4_r", f"AggregateFunction(argMax, LowCardinality(Nullable(String)), {MOMENT})"),
        column("ja4_o", f"AggregateFunction(argMax, Nullable(String), {MOMENT})"),
        column("ja3_hash", f"AggregateFunction(argMax, Nullable(String), {MOMENT})"),
        column("ja3_hashes", "AggregateFunction(uniqCombined64(12), String)"),
        column("tls_version", "SimpleAggregateFunction(max, UInt16)"),
        column("alpn", f"AggregateFunction(argMax, Array(LowCardinality(String)), {MOMENT})"),
        column("has_grease", "SimpleAggregateFunction(max, UInt8)"),
        column("has_ech", "SimpleAggregateFunction(max, UInt8)"),
        column("has_pq_group", "SimpleAggregateFunction(max, UInt8)"),
        column("hello_len", f"AggregateFunction(argMax, Nullable(UInt32), {MOMENT})"),
        column("segments", f"AggregateFunction(argMax, UInt16, {MOMENT})"),
        column("tcp_signature", f"AggregateFunction(argMax, LowCardinality(Nullable(String)), {MOMENT})"),
        clickhousedb_engine=table_engine(
            # One row a fingerprint: thousands. A fingerprint that nobody used for a year is forgotten, which
            # bounds what a client that invents fingerprints can leave behind.
            order_by=("ja4_stable",),
            ttl=YEAR,
            aggregates=True,
        ),
        comment="When each stable JA4 was seen and what its hellos look like; merge before reading.",
        if_not_exists=True,
    )
    op.create_table(
        "agg_first_seen",
        column("kind", REPEATED, "client_ip, host, user_agent or header_order_hash"),
        column("value", "String"),
        column("first_ts", FIRST),
        column("last_ts", LAST),
        clickhousedb_engine=table_engine(order_by=("kind", "value"), ttl=YEAR, aggregates=True),
        comment="First and last sighting of each value; merge before reading.",
        if_not_exists=True,
    )
    _view("agg_ja4_seen", JA4_TRAITS)
    _view("agg_first_seen", SIGHTINGS)
    for table, (bucket, feeder, partition, days) in LADDER.items():
        op.create_table(
            table,
            column("bucket", "DateTime64(0, 'UTC')"),
            column("host", REPEATED),
            column("ja4_stable", REPEATED),
            column("requests", SUM),
            column("status_4xx", SUM),
            column("status_5xx", SUM),
            column("response_bytes", SUM),
            column("clients", CLIENTS, "distinct client addresses"),
            clickhousedb_engine=table_engine(
                # Read by time, then by site.
                order_by=("bucket", "host", "ja4_stable"),
                partition_by=partition,
                ttl=f"toDate(bucket) + toIntervalDay({days})",
                aggregates=True,
            ),
            comment="Requests as they arrived, by host and fingerprint; sum before reading.",
            if_not_exists=True,
        )
        is_lowest = feeder == "raw_http_requests"
        keys = (
            "lower(ifNull(feeder.host, '')) as host, ifNull(feeder.ja4_stable, '') as ja4_stable"
            if is_lowest
            else "feeder.host as host, feeder.ja4_stable as ja4_stable"
        )
        measures = FROM_RAW if is_lowest else FROM_RUNG
        visitors = "where feeder.canary_nonce is null" if is_lowest else ""
        _view(
            table,
            f"select toDateTime64({bucket}, 0, 'UTC') as bucket, {keys}, {measures} "  # noqa: S608
            f"from {feeder} as feeder {visitors} group by bucket, host, ja4_stable",
        )


def downgrade() -> None:
    """Drop the views, then the tables."""
    for table in (*LADDER, "agg_first_seen", "agg_ja4_seen"):
        op.execute(f"drop view if exists {table}_mv")
        op.drop_table(table, if_exists=True)


def _view(table: str, query: str) -> None:
    """A view that feeds `table`; if the table is still empty, it takes in what the source holds first.

    Rows that arrive between the two statements are missed by neither: agents refuse a schema that is not
    theirs, so none writes while a migration runs.
    """
    bind = op.get_bind()
    is_empty = bind.exec_driver_sql(f"select count() from {table}").scalar() == 0  # noqa: S608
    op.execute(f"create materialized view if not exists {table}_mv to {table} as {query}")
    if is_empty:
        bind.exec_driver_sql(f"insert into {table} {query}")

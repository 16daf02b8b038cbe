"""The tables that capture agents write: observed, never materialised here, checked for age and volume."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from ja4_assets.resources.clickhouse import ClickHouseResource

GROUP = "raw"
FRESH_WITHIN = timedelta(hours=1)
"""Rows arrive within seconds of the traffic; an hour of silence is a dead sensor or a very quiet site."""

MIN_MATCHED_SHARE = 0.9
"""Share of TLS requests joined with a hello, below which something between tap and server is broken."""

LOWEST_SKEW_US, HIGHEST_SKEW_US = -1_000, 100_000
"""Clocks of requests and packets farther apart than this lose joins. A request cannot be read before its
hello: below, the server's clock is behind by more than the join bridges (1 ms). Above, it is ahead by more
than the way between client and server takes."""

TABLES = {
    "raw_tls_hellos": "One row per ClientHello that a sensor saw, also those no request ever followed.",
    "raw_http_requests": "One row per finished request, joined with the hello of its connection.",
    "raw_agent_ticks": "The ledger of each sensor, one row per minute.",
}

VOLUME = """
select
    count() as rows,
    countIf(ts >= {hour_ago:DateTime64(6, 'UTC')}) as rows_last_hour,
    uniqExact(sensor) as sensors,
    min(ts) as first_ts,
    max(ts) as last_ts
from {table:Identifier} final
"""

JOIN_STATES = """
select toString(join_state) as join_state, count() as requests
from raw_http_requests final
group by join_state
order by join_state
"""

LEDGER = """
select
    sensor,
    toString(run_id) as run_id,
    sum(http_events_seen) as seen,
    sum(http_events_rejected + http_events_dropped + http_events_duplicate) as given_up,
    sum(requests_matched + requests_ambiguous + requests_midstream + requests_no_hello
        + requests_cleartext) as joined,
    argMax(requests_waiting, ts) as waiting,
    toInt64(seen) - toInt64(given_up) - toInt64(joined) - toInt64(waiting) as unaccounted
from raw_agent_ticks final
group by sensor, run_id
having unaccounted != 0
order by sensor, run_id
limit 20
"""
"""Runs of an agent whose books do not balance; see `capture_agent.events.AgentTick`."""


CLOCK_SKEWS = """
select sensor, argMax(clock_skew_us, ts) as latest_skew_us
from raw_agent_ticks final
group by sensor
having latest_skew_us not between {lowest:Int64} and {highest:Int64}
order by sensor
limit 20
"""
"""Sensors whose two clocks differed when they last knew."""


def _observed(table: str, description: str) -> dg.SourceAsset:
    @dg.observable_source_asset(name=table, group_name=GROUP, description=description)
    def observe(clickhouse: ClickHouseResource) -> dg.ObserveResult:
        volume = _volume(clickhouse, table)
        return dg.ObserveResult(
            metadata=_metadata(volume), data_version=dg.DataVersion(f"{volume['rows']}@{volume['last_ts']}")
        )

    return observe


def _freshness_check(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=table, name="is_fresh", description=f"A row of the last {FRESH_WITHIN} is there.")
    def is_fresh(clickhouse: ClickHouseResource) -> dg.AssetCheckResult:
        volume = _volume(clickhouse, table)
        passed = bool(volume["rows"]) and volume["rows_last_hour"] > 0
        return dg.AssetCheckResult(
            passed=passed, severity=dg.AssetCheckSeverity.WARN, metadata=_metadata(volume)
        )

    return is_fresh


def _volume_check(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=table, name="has_rows", description="The table is not empty.")
    def has_rows(clickhouse: ClickHouseResource) -> dg.AssetCheckResult:
        volume = _volume(clickhouse, table)
        return dg.AssetCheckResult(passed=volume["rows"] > 0, metadata=_metadata(volume))

    return has_rows


@dg.asset_check(
    asset="raw_http_requests",
    description=f"At least {MIN_MATCHED_SHARE:.0%} of TLS requests were joined with exactly one hello.",
)
def requests_are_matched(clickhouse: ClickHouseResource) -> dg.AssetCheckResult:
    """A low share means lost packets, a proxy in between, or clocks apart."""
    counts = dict(clickhouse.read(JOIN_STATES).iter_rows())
    tls = sum(number for state, number in counts.items() if state != "cleartext")
    share = counts.get("matched", 0) / tls if tls else 1.0
    return dg.AssetCheckResult(
        passed=share >= MIN_MATCHED_SHARE,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "matched_share": share,
            "tls_requests": tls,
            **{f"requests_{k}": v for k, v in counts.items()},
        },
    )


@dg.asset_check(
    asset="raw_agent_ticks",
    description="For every run of an agent: events seen = given up + joined + still waiting.",
)
def ledger_balances(clickhouse: ClickHouseResource) -> dg.AssetCheckResult:
    """An imbalance means that requests were lost without being counted as lost."""
    faults = clickhouse.read(LEDGER)
    return dg.AssetCheckResult(
        passed=faults.is_empty(), metadata={"unbalanced_runs": dg.MetadataValue.json(faults.to_dicts())}
    )


@dg.asset_check(
    asset="raw_agent_ticks",
    description=f"For every sensor, the clock of HTTP events is {LOWEST_SKEW_US / 1e3:g} to "
    f"{HIGHEST_SKEW_US / 1e3:g} ms from that of packets.",
)
def clocks_agree(clickhouse: ClickHouseResource) -> dg.AssetCheckResult:
    """Clocks apart lead to wrong or missing joins; the agent's setting `clock_offset_us` corrects them."""
    bounds = {"lowest": LOWEST_SKEW_US, "highest": HIGHEST_SKEW_US}
    apart = clickhouse.read(CLOCK_SKEWS, bounds)
    return dg.AssetCheckResult(
        passed=apart.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"sensors": dg.MetadataValue.json(apart.to_dicts())},
    )


def _volume(clickhouse: ClickHouseResource, table: str) -> dict[str, Any]:
    hour_ago = datetime.now(UTC) - FRESH_WITHIN
    return clickhouse.read(VOLUME, {"table": table, "hour_ago": hour_ago}).row(0, named=True)


def _metadata(volume: dict[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": volume["rows"],
        "rows_last_hour": volume["rows_last_hour"],
        "sensors": volume["sensors"],
    }
    if volume["rows"]:
        metadata["first_ts"] = dg.MetadataValue.timestamp(volume["first_ts"])
        metadata["dagster/last_updated_timestamp"] = dg.MetadataValue.timestamp(volume["last_ts"])
    return metadata


_MAKERS: tuple[Callable[[str], dg.AssetChecksDefinition], ...] = (_freshness_check, _volume_check)
RAW_ASSETS = [_observed(table, description) for table, description in TABLES.items()]
RAW_CHECKS = [make(table) for table in TABLES for make in _MAKERS] + [
    requests_are_matched,
    ledger_balances,
    clocks_agree,
]

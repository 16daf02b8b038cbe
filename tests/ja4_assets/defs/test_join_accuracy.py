"""The check of the joins warns where a canary found them wrong or missing, sensor by sensor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import clickhouse_connect
import dagster as dg
import pytest

from ja4_assets.defs.join_accuracy import joins_are_right
from ja4_assets.resources.clickhouse import ClickHouseResource

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
COLUMNS = ("sensor", "minute", "requests", "requests_right", "requests_wrong", "requests_unreported")
TABLE = (
    "create table fct_join_accuracy (sensor String, minute DateTime64(0, 'UTC'), requests UInt64,"
    " requests_right UInt64, requests_wrong UInt64, requests_unreported UInt64)"
    " engine = MergeTree order by minute"
)
Counted = tuple[str, int, int, int, int]


def outcome(database: ClickHouseResource, *rows: Counted) -> dg.AssetCheckResult:
    """What the check says of rows (sensor, minutes ago, requests, right, wrong)."""
    client = clickhouse_connect.get_client(dsn=database.url, autogenerate_session_id=False)
    client.command(TABLE)
    stored = [(sensor, NOW - timedelta(minutes=ago), *counts, 7) for sensor, ago, *counts in rows]
    if stored:
        client.insert("fct_join_accuracy", stored, column_names=COLUMNS)
    client.close()
    result = joins_are_right(clickhouse=database)
    assert isinstance(result, dg.AssetCheckResult)
    return result


def test_no_canary_is_no_fault_and_is_told(database: ClickHouseResource) -> None:
    result = outcome(database)
    assert result.passed
    assert result.description == "no sensor reported 1,000 requests of a canary in the last hour"


@pytest.mark.parametrize(
    ("requests", "right", "wrong"), [(1_000, 1_000, 0), (1_000, 999, 1), (1_000, 995, 0)]
)
def test_accuracy_at_the_limit_passes(
    database: ClickHouseResource, requests: int, right: int, wrong: int
) -> None:
    result = outcome(database, ("web1", 5, requests, right, wrong))
    assert (result.passed, result.metadata["sensors_measured"].value) == (True, 1)


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        (998, 2, "web2: precision 99.800%, recall 99.800%"),
        (994, 0, "web2: precision 100.000%, recall 99.400%"),
        (0, 0, "web2: precision unknown, recall 0.000%"),
    ],
)
def test_sensor_below_a_limit_is_named_in_a_warning(
    database: ClickHouseResource, right: int, wrong: int, sentence: str
) -> None:
    result = outcome(database, ("web1", 5, 1_000, 1_000, 0), ("web2", 5, 1_000, right, wrong))
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert result.description == sentence


def test_few_requests_and_those_of_earlier_hours_prove_nothing(database: ClickHouseResource) -> None:
    result = outcome(database, ("web1", 5, 999, 0, 999), ("web1", 70, 5_000, 0, 5_000))
    assert (result.passed, result.metadata["sensors_measured"].value) == (True, 0)

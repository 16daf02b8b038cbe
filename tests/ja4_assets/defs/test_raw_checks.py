"""The checks of the raw tables say when traffic stopped, joins fail or the books do not balance."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import clickhouse_connect
import dagster as dg
import pytest

from ja4_assets.defs.raw import RAW_ASSETS, RAW_CHECKS
from ja4_assets.resources.clickhouse import ClickHouseResource

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

NOW = datetime.now(UTC).replace(microsecond=0)


def insert(database: ClickHouseResource, table: str, rows: list[dict[str, object]]) -> None:
    """Rows with only the columns that matter; the database fills the others with their defaults."""
    client = clickhouse_connect.get_client(dsn=database.url, autogenerate_session_id=False)
    body = "\n".join(json.dumps(row, default=str) for row in rows)
    client.raw_insert(
        table,
        insert_block=body,
        fmt="JSONEachRow",
        settings={"date_time_input_format": "best_effort", "input_format_skip_unknown_fields": 0},
    )
    client.close()


def request(number: int, state: str = "matched", age: timedelta = timedelta(minutes=1)) -> dict[str, object]:
    return {
        "sensor": "s1",
        "ts": (NOW - age).isoformat(),
        "conn_id": number,
        "src_port": 1024 + number,
        "request_seq_on_conn": 1,
        "join_state": state,
    }


def tick(**counters: int | str) -> dict[str, object]:
    return {"sensor": "s1", "ts": NOW.isoformat(), "run_id": 7, **counters}


def outcome(database: ClickHouseResource) -> dict[str, dg.AssetCheckEvaluation]:
    job = dg.define_asset_job("look", selection=dg.AssetSelection.all(include_sources=True))
    definitions = dg.Definitions(
        assets=RAW_ASSETS, asset_checks=RAW_CHECKS, jobs=[job], resources={"clickhouse": database}
    )
    result = definitions.resolve_job_def("look").execute_in_process(instance=dg.DagsterInstance.ephemeral())
    assert result.success
    observed = {
        event.asset_observation_data.asset_observation.asset_key.to_user_string()
        for event in result.all_events
        if event.event_type is dg.DagsterEventType.ASSET_OBSERVATION
    }
    assert observed == {"raw_tls_hellos", "raw_http_requests", "raw_agent_ticks"}
    return {
        f"{check.asset_key.to_user_string()}:{check.check_name}": check
        for check in result.get_asset_check_evaluations()
    }


def test_empty_tables_are_neither_fresh_nor_filled(database: ClickHouseResource) -> None:
    checks = outcome(database)
    assert not checks["raw_http_requests:is_fresh"].passed
    assert not checks["raw_tls_hellos:has_rows"].passed
    assert checks["raw_agent_ticks:ledger_balances"].passed


def test_recent_matched_traffic_passes(database: ClickHouseResource) -> None:
    insert(database, "raw_http_requests", [request(number) for number in range(20)])
    checks = outcome(database)
    assert checks["raw_http_requests:is_fresh"].passed
    assert checks["raw_http_requests:has_rows"].passed
    assert checks["raw_http_requests:requests_are_matched"].passed
    assert checks["raw_http_requests:is_fresh"].metadata["rows_last_hour"].value == 20


def test_silence_of_over_an_hour_is_a_warning(database: ClickHouseResource) -> None:
    insert(database, "raw_http_requests", [request(1, age=timedelta(hours=2))])
    check = outcome(database)["raw_http_requests:is_fresh"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_unmatched_tls_requests_fail_the_join_check_and_cleartext_ones_do_not_count(
    database: ClickHouseResource,
) -> None:
    rows = [request(number) for number in range(8)] + [request(100 + n, "cleartext") for n in range(50)]
    insert(database, "raw_http_requests", rows)
    assert outcome(database)["raw_http_requests:requests_are_matched"].passed
    insert(database, "raw_http_requests", [request(200 + number, "no_hello") for number in range(2)])
    check = outcome(database)["raw_http_requests:requests_are_matched"]
    assert not check.passed
    assert check.metadata["matched_share"].value == pytest.approx(0.8)


def test_books_that_balance_pass_and_a_lost_event_is_named(database: ClickHouseResource) -> None:
    insert(
        database,
        "raw_agent_ticks",
        [tick(http_events_seen=10, http_events_rejected=1, requests_matched=7, requests_waiting=2)],
    )
    assert outcome(database)["raw_agent_ticks:ledger_balances"].passed
    insert(
        database,
        "raw_agent_ticks",
        [tick(http_events_seen=10, requests_matched=8) | {"run_id": 8}],
    )
    check = outcome(database)["raw_agent_ticks:ledger_balances"]
    assert not check.passed
    (fault,) = check.metadata["unbalanced_runs"].value  # type: ignore[union-attr,misc]
    assert (fault["run_id"], fault["unaccounted"]) == ("8", 2)  # type: ignore[index]


def test_an_event_that_is_neither_joined_nor_counted_as_lost_unbalances_the_books(
    database: ClickHouseResource,
) -> None:
    """Each term of the equation is in the check: leaving one out makes books unbalanced that are not."""
    balanced = {
        "http_events_seen": 36,
        "http_events_rejected": 1,
        "http_events_dropped": 2,
        "http_events_duplicate": 3,
        "requests_matched": 4,
        "requests_ambiguous": 5,
        "requests_midstream": 6,
        "requests_no_hello": 7,
        "requests_cleartext": 7,
        "requests_waiting": 1,
    }
    insert(database, "raw_agent_ticks", [tick(**balanced)])
    assert outcome(database)["raw_agent_ticks:ledger_balances"].passed
    insert(database, "raw_agent_ticks", [tick(**balanced | {"requests_no_hello": 6})])
    check = outcome(database)["raw_agent_ticks:ledger_balances"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)


@pytest.mark.parametrize(("skew_us", "is_in_order"), [(-1_001, False), (-1_000, True), (100_001, False)])
def test_clocks_farther_apart_than_the_bound_are_a_warning(
    database: ClickHouseResource, skew_us: int, is_in_order: bool
) -> None:
    earlier = {"ts": (NOW - timedelta(minutes=1)).isoformat(), "clock_skew_us": 5_000_000}
    unknown = {"ts": (NOW + timedelta(minutes=1)).isoformat()}
    rows = [tick(), tick() | earlier, tick(clock_skew_us=skew_us), tick() | unknown, tick(sensor="other")]
    insert(database, "raw_agent_ticks", rows)
    check = outcome(database)["raw_agent_ticks:clocks_agree"]
    assert (check.passed, check.severity) == (is_in_order, dg.AssetCheckSeverity.WARN)
    expected = [] if is_in_order else [{"sensor": "s1", "latest_skew_us": skew_us}]
    assert check.metadata["sensors"].value == expected

"""`ja4-agent refingerprint` on a table of rows that older rules wrote, in a real database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from capture_agent.events import FINGERPRINT_SPEC
from ja4_assets.storage import migrate

DATABASE = "agent_refingerprint"
HELLOS, REQUESTS = "raw_tls_hellos", "raw_http_requests"
OLD = {
    "ja4": "t00i000000_000000000000_000000000000",
    "ja4_r": "old",
    "ja4_o": "old",
    "ja4_stable": "t00i000000_000000000000_111111111111",
    "ja3": "old",
    "ja3_hash": "0" * 32,
    "ja3n_hash": "1" * 32,
    "has_grease": True,
    "tls_version": 768,
    "fingerprint_spec": 0,
}
OLD_COPIES = {name: OLD[name] for name in ("ja4", "ja4_stable", "ja3_hash", "has_grease", "tls_version")}


@pytest.fixture(scope="module")
def url(clickhouse_dsn: str) -> str:
    """A migrated database of this module's own."""
    url = f"{clickhouse_dsn}/{DATABASE}"
    migrate.upgrade(url)
    return url


def agent(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "capture_agent.cli", *arguments],
        env={"PATH": os.defpath, "JA4_CLICKHOUSE_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def shown(client: Client, table: str) -> list[dict[str, Any]]:
    """Every row of a `final` read."""
    text = client.raw_query(
        "select * from {table:Identifier} final order by all",
        parameters={"table": table},
        settings={"output_format_json_quote_64bit_integers": 0},
        fmt="JSONEachRow",
    )
    return [json.loads(line) for line in text.splitlines()]


def store(client: Client, table: str, rows: list[dict[str, Any]]) -> None:
    client.raw_insert(table, insert_block="\n".join(map(json.dumps, rows)), fmt="JSONEachRow")


def stored_rows(client: Client) -> int:
    counts = (
        client.query("select count() from {table:Identifier}", parameters={"table": table}).result_rows[0][0]
        for table in (HELLOS, REQUESTS)
    )
    return sum(counts)


@pytest.fixture
def client(url: str, recording_dir: Path) -> Iterator[Client]:
    """A connection to the database, which holds what a replay of two clients wrote."""
    client = clickhouse_connect.get_client(dsn=url)
    for table in (HELLOS, REQUESTS):
        client.command("truncate table {table:Identifier}", parameters={"table": table})
    captures = [str(recording_dir / "pcaps" / f"{name}.pcap") for name in ("curl-h2", "firefox-esr-headless")]
    events = str(recording_dir / "http_events.jsonl")
    run = agent(url, "replay", *captures, "--http", events, "--sensor", "lab", "--sink", "clickhouse")
    assert run.returncode == 0, run.stderr
    yield client
    client.close()


def made_old(client: Client) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Put older values in place of what the replay wrote; returns the rows as they were."""
    hellos, requests = shown(client, HELLOS), shown(client, REQUESTS)
    for table in (HELLOS, REQUESTS):
        client.command("truncate table {table:Identifier}", parameters={"table": table})
    store(client, HELLOS, [{**row, **OLD} for row in hellos])
    store(client, REQUESTS, [row | OLD_COPIES if row["ja4"] else row for row in requests])
    return hellos, requests


def test_old_rows_get_today_s_values_and_nothing_else_changes(client: Client, url: str) -> None:
    hellos, requests = made_old(client)
    assert len(hellos) > 2
    joined = [row for row in requests if row["ja4"]]
    assert joined
    assert {row["ja4"] for row in shown(client, HELLOS)} == {OLD["ja4"]}

    run = agent(url, "refingerprint")
    assert run.returncode == 0, run.stderr
    assert f"{len(hellos)} hellos computed again" in run.stderr
    assert f"{len(joined)} requests updated" in run.stderr
    assert shown(client, HELLOS) == hellos
    assert shown(client, REQUESTS) == requests

    before = stored_rows(client)
    again = agent(url, "refingerprint")
    assert again.returncode == 0, again.stderr
    assert "0 hellos computed again" in again.stderr
    assert "0 requests updated" in again.stderr
    assert stored_rows(client) == before


def test_a_hello_without_a_skeleton_is_counted_and_stays(client: Client, url: str) -> None:
    hellos = shown(client, HELLOS)
    client.command("truncate table raw_tls_hellos")
    bare = {**hellos[0], **OLD, "hello_skeleton": None, "quality": "truncated"}
    broken = {**hellos[1], **OLD, "hello_skeleton": "AAAA"}
    good = {**hellos[2], **OLD}
    store(client, HELLOS, [bare, broken, good])
    run = agent(url, "refingerprint")
    assert run.returncode == 0, run.stderr
    assert "1 hellos computed again, 1 without a skeleton and 1 with an unreadable one" in run.stderr
    specs = sorted(row["fingerprint_spec"] for row in shown(client, HELLOS))
    assert specs == [0, 0, FINGERPRINT_SPEC]


def test_requests_follow_hellos_that_an_interrupted_run_left_behind(client: Client, url: str) -> None:
    """The hellos are new already, as after a run that ended between the two tables."""
    requests = shown(client, REQUESTS)
    client.command("truncate table raw_http_requests")
    store(client, REQUESTS, [row | OLD_COPIES if row["ja4"] else row for row in requests])
    run = agent(url, "refingerprint")
    assert run.returncode == 0, run.stderr
    assert "0 hellos computed again" in run.stderr
    assert shown(client, REQUESTS) == requests


def test_a_request_keeps_its_copies_where_the_hello_could_not_be_computed(client: Client, url: str) -> None:
    made_old(client)
    old = shown(client, HELLOS)
    client.command("truncate table raw_tls_hellos")
    store(client, HELLOS, [{**row, "hello_skeleton": None} for row in old])
    requests = shown(client, REQUESTS)
    assert agent(url, "refingerprint").returncode == 0
    assert shown(client, REQUESTS) == requests


def test_without_an_address_it_says_what_it_needs() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "capture_agent.cli", "refingerprint"],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 2
    assert "needs --clickhouse-url or JA4_CLICKHOUSE_URL" in run.stderr

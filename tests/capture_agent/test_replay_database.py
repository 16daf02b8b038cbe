"""Replay into the real database: every column arrives, and nothing is there twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from ja4_assets.storage import migrate

DATABASE = "agent_replay"
TABLES = ("raw_tls_hellos", "raw_http_requests", "raw_agent_ticks")


@pytest.fixture(scope="module")
def url(clickhouse_dsn: str) -> str:
    """A migrated database of this module's own."""
    url = f"{clickhouse_dsn}/{DATABASE}"
    migrate.upgrade(url)
    return url


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    """A connection to it, with empty raw tables."""
    client = clickhouse_connect.get_client(dsn=url)
    for table in TABLES:
        client.command("truncate table {table:Identifier}", parameters={"table": table})
    yield client
    client.close()


def replay(url: str, recording_dir: Path, *more: str) -> subprocess.CompletedProcess[str]:
    captures = sorted((recording_dir / "pcaps").glob("c*.pcap"))
    return subprocess.run(
        [
            *(sys.executable, "-m", "capture_agent.cli", "replay", *map(str, captures)),
            *("--http", str(recording_dir / "http_events.jsonl"), "--sensor", "lab", *more),
        ],
        env={"PATH": os.defpath, "JA4_CLICKHOUSE_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def counted(client: Client) -> dict[str, tuple[int, int]]:
    """Rows as stored, and rows that a `final` read shows."""
    found = {}
    for table in TABLES:
        stored, shown = (
            client.query(statement, parameters={"table": table}).result_rows[0][0]
            for statement in (
                "select count() from {table:Identifier}",
                "select count() from {table:Identifier} final",
            )
        )
        found[table] = (stored, shown)
    return found


def test_repeated_replay_with_the_same_times_adds_nothing(
    url: str, client: Client, recording_dir: Path, tmp_path: Path
) -> None:
    first = replay(url, recording_dir, "--sink", "clickhouse", "--sink", f"jsonl:{tmp_path / 'rows'}")
    assert (first.returncode, "replayed" in first.stderr) == (0, True), first.stderr
    written = Counter(json.loads(line)["table"] for line in (tmp_path / "rows").read_text().splitlines())
    once = counted(client)
    assert once == {table: (written[table], written[table]) for table in TABLES}
    assert replay(url, recording_dir, "--sink", "clickhouse").returncode == 0
    assert counted(client) == once


def test_repeated_replay_in_other_batches_shows_nothing_twice(
    url: str, client: Client, recording_dir: Path, tmp_path: Path
) -> None:
    """Other batches have other tokens, so it is the tables' key that removes the copies."""
    (tmp_path / "agent.toml").write_text("[delivery]\nbatch_rows = 7\n")
    replay(url, recording_dir, "--sink", "clickhouse")
    once = counted(client)
    done = replay(url, recording_dir, "--sink", "clickhouse", "--config", str(tmp_path / "agent.toml"))
    assert done.returncode == 0, done.stderr
    assert {table: shown for table, (_, shown) in counted(client).items()} == {
        table: shown for table, (_, shown) in once.items()
    }


def test_every_column_holds_what_the_row_said(
    url: str, client: Client, recording_dir: Path, tmp_path: Path
) -> None:
    """Swapped columns would show here: each value is read back by its name."""
    replay(url, recording_dir, "--sink", "clickhouse", "--sink", f"jsonl:{tmp_path / 'rows'}")
    rows = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    for table, key in (("raw_tls_hellos", ("ts", "conn_id")), ("raw_http_requests", ("ts", "src_port"))):
        written = {tuple(row[k] for k in key): row for row in rows if row["table"] == table}
        assert len(written) > 20
        text = client.raw_query(
            "select * from {table:Identifier} final",
            parameters={"table": table},
            fmt="JSONEachRow",
            settings={"date_time_output_format": "iso", "output_format_json_quote_64bit_integers": 0},
        )
        read = [json.loads(line) for line in text.splitlines()]
        assert len(read) == len(written)
        for row in read:
            expected = written[tuple(row[k] for k in key)]
            assert {name: as_written(value) for name, value in row.items()} == {
                name: as_written(value) for name, value in expected.items() if name != "table"
            }


def as_written(value: Any) -> Any:
    """Undo what the database's types do to text: mapped addresses."""
    return value.removeprefix("::ffff:") if isinstance(value, str) else value


def test_database_without_schema_is_refused_with_what_to_run(
    clickhouse_dsn: str, recording_dir: Path
) -> None:
    done = replay(f"{clickhouse_dsn}/agent_absent", recording_dir, "--sink", "clickhouse")
    assert done.returncode == 1
    assert "python -m ja4_assets.storage upgrade" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_password_fails_at_once_without_showing_it(url: str, recording_dir: Path) -> None:
    wrong = url.replace(url.split("@")[0], "http://ja4:not-the-password")
    done = replay(wrong, recording_dir, "--sink", "clickhouse")
    assert done.returncode == 1
    assert "code 516" in done.stderr
    assert "trying again" not in done.stderr
    assert "not-the-password" not in done.stderr


def test_ledger_in_the_database_balances(url: str, client: Client, recording_dir: Path) -> None:
    replay(url, recording_dir, "--sink", "clickhouse")
    (sums,) = client.query(
        "select sum(http_events_seen), sum(http_events_rejected + http_events_dropped + requests_matched "
        "+ requests_ambiguous + requests_midstream + requests_no_hello + requests_cleartext), "
        "(select count() from raw_http_requests final) from raw_agent_ticks final"
    ).result_rows
    assert sums[0] == sums[1] == sums[2] > 0

"""Outbox, sender and spool against the real database: its answers, its tokens, its error codes."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from capture_agent.events import AgentTick
from capture_agent.ports import RowCounts
from capture_agent.sink.batch import Batch, content_token
from capture_agent.sink.clickhouse_client import ClickHouseInserter
from capture_agent.sink.encode import encode_row
from capture_agent.sink.outbox import Outbox, OutboxLimits
from capture_agent.sink.schema import check_schema
from capture_agent.sink.sender import Sender
from capture_agent.sink.spool_store import REJECTED, SpoolFolder
from ja4_assets.storage import migrate

DATABASE = "agent_delivery"
TABLE = "raw_agent_ticks"


@pytest.fixture(scope="module")
def url(clickhouse_dsn: str) -> str:
    """A migrated database of this module's own."""
    url = f"{clickhouse_dsn}/{DATABASE}"
    migrate.upgrade(url)
    return url


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    client = clickhouse_connect.get_client(dsn=url)
    client.command("truncate table {table:Identifier}", parameters={"table": TABLE})
    yield client
    client.close()


class Run:
    """One run of the delivery on a folder."""

    def __init__(self, folder: Path, url: str) -> None:
        self.said: list[str] = []
        self.counts = RowCounts()
        self.folder = SpoolFolder(folder, 1 << 20, self._report)
        inserter = ClickHouseInserter(url)
        self.outbox = Outbox(
            self.folder, OutboxLimits(), self.counts, lambda: time.time_ns() // 1_000, self._report
        )
        self.sender = Sender(
            self.outbox, inserter, lambda: check_schema(inserter), time.monotonic, lambda: 0.0, self._report
        )

    def drain(self) -> None:
        while (pause_s := self.sender.step()) is not None:
            assert pause_s == 0, self.said
        self.folder.close()

    def _report(self, _kind: str, sentence: str) -> None:
        self.said.append(sentence)


@pytest.fixture
def start(tmp_path: Path, url: str) -> Callable[..., Run]:
    return lambda other_url=url: Run(tmp_path / "spool", other_url)


def tick(number: int) -> AgentTick:
    """A row of now, which the table keeps, and that no other test has: tokens are remembered beyond rows."""
    return AgentTick(sensor=uuid.uuid4().hex, site="", ts=time.time_ns() // 1_000 - number, run_id=1)


def batch(rows: int) -> Batch:
    lines = b"".join(encode_row(tick(number)) for number in range(rows))
    return Batch(TABLE, rows, lines, content_token(lines)).packed()


def stored(client: Client) -> int:
    return int(client.query(f"select count() from {TABLE}").result_rows[0][0])  # noqa: S608 - a constant


def test_batch_of_unknown_outcome_is_stored_once_across_a_restart(
    start: Callable[..., Run], client: Client
) -> None:
    """The first run inserted it and died before it could forget it."""
    first = start()
    first.outbox.put(batch(20))
    first.outbox.end()
    copies = {path: path.read_bytes() for path in first.folder.path.glob("*.batch")}
    first.drain()
    assert stored(client) == 20
    for path, content in copies.items():
        path.write_bytes(content)
    second = start()
    assert second.outbox.depth().rows == 20
    second.drain()
    assert stored(client) == 20
    assert second.counts.drained == 20


def test_batch_that_the_database_cannot_read_is_set_aside_and_the_next_is_stored(
    start: Callable[..., Run], client: Client
) -> None:
    run = start()
    line = json.loads(encode_row(tick(0))) | {"frames_seen": "many"}
    poison = json.dumps(line).encode() + b"\n"
    run.outbox.put(Batch(TABLE, 1, poison, content_token(poison)).packed())
    run.outbox.put(batch(5))
    run.drain()
    assert stored(client) == 5
    assert (run.counts.rejected, run.counts.inserted) == (1, 5)
    assert len(list((run.folder.path / REJECTED).iterdir())) == 1
    assert any("rejects 1 rows: " in said and "code " in said for said in run.said)


@pytest.mark.parametrize("broken", ["password", "table"])
def test_what_an_operator_can_mend_keeps_the_batch(
    start: Callable[..., Run], client: Client, url: str, broken: str
) -> None:
    wrong = url.replace(":for-tests-only@", ":wrong@")
    run = start(wrong if broken == "password" else url)
    run.outbox.put(batch(5))
    if broken == "table":
        run.sender.check = lambda: None
        with contextlib.ExitStack() as stack:
            client.command(f"rename table {TABLE} to hidden")
            stack.callback(client.command, f"rename table hidden to {TABLE}")
            assert run.sender.step()
    else:
        run.sender.check = lambda: None
        assert run.sender.step()
    assert run.counts.rejected == 0
    assert run.outbox.depth().rows == 5
    run.folder.close()
    start().drain()
    assert stored(client) == 5

"""A sink that is slow, absent or broken: the capture never waits for it, and every row is accounted for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import structlog

from capture_agent.agent.running_delivery import Delivery, Patience
from capture_agent.events import AgentTick
from capture_agent.ports import EventSink, RowCounts, SinkError
from capture_agent.rows import Row
from capture_agent.sink.clickhouse import (
    BatchLimits,
    ClickHouseSink,
    InsertFailed,
    RetryPolicy,
)

DEADLINE_S = 5.0


def rows(count: int) -> list[Row]:
    return [AgentTick(sensor="s", ts=number, run_id=1) for number in range(count)]


def wait_until(condition: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up_s, "did not happen in time"
        time.sleep(0.005)


class RecordingSink:
    """Keeps rows until flushed; can be made to hang or to refuse."""

    def __init__(self) -> None:
        self.counts = RowCounts()
        self.may_write = threading.Event()
        self.may_write.set()
        self.refuses = False
        self.held: list[Row] = []
        self.flushed: list[Row] = []
        self.is_closed = False

    def write(self, given: Sequence[Row]) -> None:
        self.may_write.wait()
        if self.refuses:
            self.counts.discarded += len(given)
            raise SinkError("no")
        self.held += given

    def flush(self) -> None:
        self.flushed += self.held
        self.counts.inserted += len(self.held)
        self.held = []

    def close(self) -> None:
        self.is_closed = True


def delivery_to(opener: Callable[[], EventSink], **options: Any) -> Delivery:
    limits = {"max_rows": 100, "max_age_s": 0.02, **options}
    patience = limits.pop("patience", None) or Patience()
    return Delivery("test", opener, patience, structlog.get_logger(), **limits)


def test_rows_are_flushed_when_they_grow_old() -> None:
    sink = RecordingSink()
    delivery = delivery_to(lambda: sink)
    delivery.start()
    given = rows(3)
    delivery.offer(given)
    wait_until(lambda: delivery.inserted == 3)
    assert sink.flushed == given
    assert not sink.is_closed
    delivery.finish(1)
    assert sink.is_closed


def test_steady_trickle_does_not_put_the_flush_off() -> None:
    sink = RecordingSink()
    delivery = delivery_to(lambda: sink, max_age_s=0.1, max_rows=10_000)
    delivery.start()
    began_s = time.monotonic()
    while delivery.inserted == 0:
        delivery.offer(rows(1))
        time.sleep(0.01)
        assert time.monotonic() < began_s + DEADLINE_S
    delivery.finish(1)


def test_sink_that_hangs_costs_rows_and_not_time() -> None:
    sink = RecordingSink()
    sink.may_write.clear()
    delivery = delivery_to(lambda: sink, max_rows=100)
    delivery.start()
    began_s = time.monotonic()
    for _ in range(30):
        delivery.offer(rows(10))
    assert time.monotonic() - began_s < 0.5
    assert delivery.queued == 100
    assert delivery.discarded == 200
    sink.may_write.set()
    delivery.finish(DEADLINE_S)
    assert delivery.inserted == 100
    assert len(sink.flushed) == 100


def test_refused_rows_are_counted_and_later_ones_delivered() -> None:
    sink = RecordingSink()
    sink.refuses = True
    delivery = delivery_to(lambda: sink)
    delivery.start()
    delivery.offer(rows(5))
    wait_until(lambda: delivery.discarded == 5)
    sink.refuses = False
    delivery.offer(rows(7))
    delivery.finish(DEADLINE_S)
    assert (delivery.inserted, delivery.discarded, delivery.failure) == (7, 5, None)


def test_sink_that_cannot_be_opened_is_a_failure_with_its_reason() -> None:
    def refuse() -> EventSink:
        raise SinkError("the schema is another one")

    delivery = delivery_to(refuse)
    delivery.start()
    wait_until(lambda: delivery.failure is not None)
    assert delivery.failure == "the schema is another one"
    delivery.offer(rows(4))
    delivery.finish(1)
    assert delivery.discarded == 4


def test_tables_that_are_made_after_the_start_are_waited_for() -> None:
    sink = RecordingSink()
    refusals = iter([SinkError("no schema yet")])

    def opener() -> EventSink:
        for refusal in refusals:
            raise refusal
        return sink

    delivery = delivery_to(opener, open_again_s=DEADLINE_S)
    delivery.start()
    delivery.offer(rows(4))
    wait_until(lambda: delivery.inserted == 4)
    assert delivery.failure is None
    delivery.finish(1)


def test_rows_that_cannot_be_delivered_at_the_end_are_discarded_in_the_stated_time() -> None:
    sink = RecordingSink()
    sink.may_write.clear()
    delivery = delivery_to(lambda: sink)
    delivery.start()
    delivery.offer(rows(20))
    began_s = time.monotonic()
    delivery.finish(0.2)
    assert time.monotonic() - began_s < 3
    assert (delivery.inserted, delivery.discarded) == (0, 20)
    sink.may_write.set()


class ScriptedDatabase:
    """Is away until told otherwise; keeps what it stored by token, as ClickHouse does."""

    def __init__(self) -> None:
        self.is_away = True
        self.attempts = 0
        self.stored: dict[str, int] = {}

    def insert(self, table: str, block: bytes, token: str) -> None:
        self.attempts += 1
        if self.is_away:
            raise InsertFailed("connection refused", is_transient=True)
        self.stored[f"{table} {token}"] = block.count(b"\n")


@pytest.fixture
def database() -> ScriptedDatabase:
    return ScriptedDatabase()


def clickhouse_delivery(database: ScriptedDatabase, patience: Patience, **options: Any) -> Delivery:
    def opener() -> EventSink:
        retry = RetryPolicy(deadline_s=float("inf"), first_pause_s=0.01, longest_pause_s=0.02)
        return ClickHouseSink(database, patience.clock(), lambda _: None, BatchLimits(), retry)

    return delivery_to(opener, patience=patience, **options)


def test_database_that_comes_back_gets_every_row_that_was_queued(database: ScriptedDatabase) -> None:
    patience = Patience()
    delivery = clickhouse_delivery(database, patience, max_rows=1_000)
    delivery.start()
    for _ in range(50):
        delivery.offer(rows(10))
    wait_until(lambda: database.attempts >= 3)
    database.is_away = False
    delivery.finish(DEADLINE_S)
    assert sum(database.stored.values()) == delivery.inserted == 500
    assert delivery.discarded == 0


def test_database_that_stays_away_is_given_up_at_the_end(database: ScriptedDatabase) -> None:
    patience = Patience()
    delivery = clickhouse_delivery(database, patience, max_rows=1_000)
    delivery.start()
    delivery.offer(rows(30))
    wait_until(lambda: database.attempts >= 1)
    delivery.offer(rows(12))
    began_s = time.monotonic()
    delivery.finish(0.2)
    assert time.monotonic() - began_s < 3
    assert (delivery.inserted, delivery.discarded) == (0, 42)

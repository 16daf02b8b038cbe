"""A sink that is slow, absent or broken: the capture never waits for it, and every row is accounted for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from capture_agent.agent.running_delivery import Delivery, StoredMark
from capture_agent.events import AgentTick
from capture_agent.ports import DiscardReason, LiveSink, RowCounts, SinkError
from capture_agent.rows import Row
from capture_agent.sink.at_once import WritesAtOnce

DEADLINE_S = 5.0


def rows(count: int) -> list[Row]:
    return [AgentTick(sensor="s", ts=number, run_id=1) for number in range(count)]


def wait_until(condition: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up_s, "did not happen in time"
        time.sleep(0.005)


class RecordingSink(WritesAtOnce):
    """Keeps rows until flushed; can be made to hang or to refuse."""

    def __init__(self) -> None:
        self.counts = RowCounts()
        self.may_write = threading.Event()
        self.may_write.set()
        self.refuses = False
        self.held: list[Row] = []
        self.is_safe_now = True
        self.flushed: list[Row] = []
        self.is_closed = False

    def write(self, given: Sequence[Row]) -> None:
        self.may_write.wait()
        if self.refuses:
            self.counts.discards[DiscardReason.REFUSED] += len(given)
            raise SinkError("no")
        self.held += given

    def flush(self) -> None:
        self.flushed += self.held
        self.counts.inserted += len(self.held)
        self.held = []

    def is_safe(self, ticket: int) -> bool:  # noqa: ARG002 - the protocol's signature
        return self.is_safe_now

    def close(self) -> None:
        self.is_closed = True


def delivery_to(opener: Callable[[], LiveSink], **options: Any) -> Delivery:
    limits = {"max_rows": 100, "max_age_s": 0.02, **options}
    return Delivery("test", opener, structlog.get_logger(), **limits)


def finish(delivery: Delivery, within_s: float) -> None:
    delivery.stop(within_s)
    delivery.join()


def test_rows_are_flushed_when_they_grow_old() -> None:
    sink = RecordingSink()
    delivery = delivery_to(lambda: sink)
    delivery.start()
    given = rows(3)
    delivery.offer(given)
    wait_until(lambda: delivery.counts().inserted == 3)
    assert sink.flushed == given
    assert not sink.is_closed
    finish(delivery, 1)
    assert sink.is_closed


def test_steady_trickle_does_not_put_the_flush_off() -> None:
    sink = RecordingSink()
    delivery = delivery_to(lambda: sink, max_age_s=0.1, max_rows=10_000)
    delivery.start()
    began_s = time.monotonic()
    while delivery.counts().inserted == 0:
        delivery.offer(rows(1))
        time.sleep(0.01)
        assert time.monotonic() < began_s + DEADLINE_S
    finish(delivery, 1)


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
    assert delivery.counts().discarded == 200
    sink.may_write.set()
    finish(delivery, DEADLINE_S)
    assert delivery.counts().inserted == 100
    assert len(sink.flushed) == 100


def test_refused_rows_are_counted_and_later_ones_delivered() -> None:
    sink = RecordingSink()
    sink.refuses = True
    delivery = delivery_to(lambda: sink)
    delivery.start()
    delivery.offer(rows(5))
    wait_until(lambda: delivery.counts().discarded == 5)
    sink.refuses = False
    delivery.offer(rows(7))
    finish(delivery, DEADLINE_S)
    assert (delivery.counts().inserted, delivery.counts().discarded, delivery.failure) == (7, 5, None)


def test_sink_that_cannot_be_opened_is_a_failure_with_its_reason() -> None:
    def refuse() -> LiveSink:
        raise SinkError("the schema is another one")

    delivery = delivery_to(refuse)
    delivery.start()
    wait_until(lambda: delivery.failure is not None)
    assert delivery.failure == "the schema is another one"
    delivery.offer(rows(4))
    finish(delivery, 1)
    assert delivery.counts().discarded == 4


def test_rows_that_cannot_be_delivered_at_the_end_are_discarded_in_the_stated_time() -> None:
    sink = RecordingSink()
    sink.may_write.clear()
    delivery = delivery_to(lambda: sink)
    delivery.start()
    delivery.offer(rows(20))
    began_s = time.monotonic()
    finish(delivery, 0.2)
    assert time.monotonic() - began_s < 3
    assert (delivery.counts().inserted, delivery.counts().discarded) == (0, 20)
    sink.may_write.set()


def test_mark_is_passed_on_once_what_was_flushed_is_safe() -> None:
    sink = RecordingSink()
    sink.is_safe_now = False
    delivery = delivery_to(lambda: sink)
    delivery.start()
    delivery.offer(rows(3))
    delivery.mark(StoredMark(5.0))
    wait_until(lambda: len(sink.flushed) == 3)
    assert delivery.stored_before_s < 0
    sink.is_safe_now = True
    wait_until(lambda: delivery.stored_before_s == 5.0)
    finish(delivery, 1)


def test_reader_that_went_away_is_a_failure_of_this_sink() -> None:
    class Gone(RecordingSink):
        def write(self, given: Sequence[Row]) -> None:  # noqa: ARG002 - the protocol's signature
            raise BrokenPipeError

    delivery = delivery_to(Gone)
    delivery.start()
    delivery.offer(rows(2))
    wait_until(lambda: delivery.failure is not None)
    finish(delivery, 1)
    assert not delivery.has_kept_all


def test_books_are_told_of_rows_before_they_are_queued() -> None:
    sink, told = RecordingSink(), []
    sink.may_write.clear()
    delivery = delivery_to(lambda: sink, note_given=told.append)
    delivery.offer(rows(60))
    delivery.offer(rows(60))
    assert told == [60, 100]
    assert delivery.counts().discards[DiscardReason.QUEUE_FULL] == 20

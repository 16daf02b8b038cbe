"""The threads that read captures and requests: what they pass on, when they wait, how they end."""

from __future__ import annotations

import errno
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
import structlog

from capture_agent.agent import running_pumps
from capture_agent.agent.running_pumps import (
    MAX_READS_AHEAD,
    Captured,
    CapturePump,
    Inbox,
    Reported,
    RequestPump,
    SeenUntil,
)
from capture_agent.capture.af_packet_socket import CaptureRefused
from capture_agent.events import HttpEvent
from capture_agent.selection import Selection
from capture_agent.wire.frame import Frame, frame_of

DEADLINE_S = 5.0


class ScriptedCapture:
    """Gives what it is told to, then nothing; counts drops."""

    name = "test0"

    def __init__(self, *reads: Sequence[Frame] | OSError, is_endless: bool = False) -> None:
        self._reads = list(reads)
        self._is_endless = is_endless
        self.reads_done = 0
        self.pending_drops = 0
        self.is_closed = False

    def read(self, timeout_s: float) -> Sequence[Frame]:
        if not self._reads:
            time.sleep(timeout_s / 10)
            return ()
        self.reads_done += 1
        found = self._reads[0] if self._is_endless else self._reads.pop(0)
        if isinstance(found, OSError):
            raise found
        return found

    def delivered_until_us(self) -> int:
        return time.time_ns() // 1_000

    def take_drops(self) -> int:
        drops, self.pending_drops = self.pending_drops, 0
        return drops

    def fill_ratio(self) -> float:
        return 0.25

    def select(self, selection: Selection) -> bool:
        self.selected = selection
        return True

    def close(self) -> None:
        self.is_closed = True


def frame(ts_us: int) -> Frame:
    return frame_of(b"x", ts_us, 1)


def pump_of(
    capture: ScriptedCapture, inbox: Inbox, reopen: Callable[[], ScriptedCapture] | None = None
) -> CapturePump:
    opener = reopen or (lambda: capture)
    return CapturePump(
        0, capture.name, capture, lambda _: opener(), Selection(), inbox, structlog.get_logger()
    )


def next_of(inbox: Inbox, kind: type) -> object:
    """The next message of a kind; those of other kinds are dropped."""
    while True:
        message = inbox.get(timeout=DEADLINE_S)
        if isinstance(message, kind):
            return message


def wait_until(condition: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up_s, "did not happen in time"
        time.sleep(0.005)


def test_frames_and_then_the_time_seen_are_passed_on() -> None:
    inbox: Inbox = queue.SimpleQueue()
    pump = pump_of(ScriptedCapture([frame(1), frame(2)]), inbox)
    before_us = time.time_ns() // 1_000
    pump.start()
    first = inbox.get(timeout=DEADLINE_S)
    assert isinstance(first, Captured)
    assert [one.ts_us for one in first.frames] == [1, 2]
    seen = inbox.get(timeout=DEADLINE_S)
    assert isinstance(seen, SeenUntil)
    assert seen.until_us >= before_us
    pump.stop()
    wait_until(pump.has_ended)


def test_stopped_pump_reads_what_had_arrived_and_says_that_it_ended() -> None:
    inbox: Inbox = queue.SimpleQueue()
    capture = ScriptedCapture(*[[frame(number)] for number in range(10)])
    pump = pump_of(capture, inbox)
    pump.stop()
    pump.start()
    wait_until(pump.has_ended)
    messages = [inbox.get_nowait() for _ in range(inbox.qsize())]
    assert sum(isinstance(message, Captured) for message in messages) == 10
    assert messages[-1] == SeenUntil(0, math.inf)
    assert capture.is_closed


def test_reader_waits_for_the_pipeline_while_drops_are_still_taken() -> None:
    inbox: Inbox = queue.SimpleQueue()
    capture = ScriptedCapture([frame(1)], is_endless=True)
    pump = pump_of(capture, inbox)
    pump.start()
    wait_until(lambda: inbox.qsize() == MAX_READS_AHEAD)
    capture.pending_drops = 7
    wait_until(lambda: pump.drops == 7)
    assert inbox.qsize() == MAX_READS_AHEAD
    pump.note_taken()
    wait_until(lambda: inbox.qsize() == MAX_READS_AHEAD + 1)
    capture._reads = []
    pump.note_taken()
    pump.stop()
    wait_until(pump.has_ended)


def test_interface_that_went_away_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_pumps, "REOPEN_S", 0.01)
    inbox: Inbox = queue.SimpleQueue()
    gone = ScriptedCapture([frame(1)], OSError(errno.ENETDOWN, "Network is down"))
    gone.pending_drops = 3
    back = ScriptedCapture([frame(2)])
    back.pending_drops = 2
    refusals = iter([CaptureRefused("still away"), CaptureRefused("still away")])
    was_down = threading.Event()

    def reopen() -> ScriptedCapture:
        if not pump.is_up:
            was_down.set()
        for refusal in refusals:
            raise refusal
        return back

    pump = pump_of(gone, inbox, reopen)
    pump.start()
    next_of(inbox, Captured)
    assert isinstance(next_of(inbox, SeenUntil), SeenUntil)  # time goes on without the interface
    message = next_of(inbox, Captured)
    assert isinstance(message, Captured)
    assert [one.ts_us for one in message.frames] == [2]
    assert was_down.is_set()
    assert gone.is_closed
    wait_until(lambda: pump.is_up)
    pump.stop()
    wait_until(pump.has_ended)
    assert pump.drops == 5


class ScriptedRequests:
    """A source that ends when it is closed."""

    name = "requests"
    rejected = 0
    lost = 0

    def __init__(self, events: Sequence[HttpEvent]) -> None:
        self._events = events
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[HttpEvent]:
        yield from self._events
        self._closed.wait()

    def note_stored(self, handed_out_before_s: float) -> None:
        assert handed_out_before_s

    def close(self) -> None:
        self._closed.set()


def test_events_are_passed_on_until_the_source_is_closed() -> None:
    event = HttpEvent(
        t_us=1,
        src_ip="192.0.2.1",
        src_port=1,
        dst_ip="192.0.2.2",
        dst_port=443,
        method="GET",
        unparsed_uri="/",
        proto="HTTP/1.1",
        status=200,
        headers=(),
    )
    inbox: Inbox = queue.SimpleQueue()
    pump = RequestPump(3, ScriptedRequests([event]), inbox)
    pump.start()
    before_us = time.time_ns() // 1_000
    reported = inbox.get(timeout=DEADLINE_S)
    assert isinstance(reported, Reported)
    assert (reported.source, reported.event) == (3, event)
    assert abs(reported.at_us - before_us) < 60_000_000
    assert not pump.has_ended()
    pump.stop()
    wait_until(pump.has_ended)

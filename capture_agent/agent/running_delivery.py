"""Gives rows to a sink in a thread of its own, so that a slow or absent sink never holds up the capture."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

from structlog.typing import FilteringBoundLogger

from capture_agent.ports import EventSink, SinkError
from capture_agent.rows import Row
from capture_agent.sink.clickhouse import Clock


@dataclass(frozen=True, slots=True)
class StoredMark:
    """Stands in the queue behind the rows of all events that were handed out before a time."""

    handed_out_before_s: float


COMPLAINT_S = 60.0
"""A sink that fails again and again says so once in this time."""
OPEN_AGAIN_PAUSE_S = 0.5


class Patience:
    """Time as a sink's retries see it: it passes normally until the agent stops, and then runs out."""

    def __init__(self) -> None:
        self._is_stopping = threading.Event()
        self._give_up_s = math.inf

    def clock(self) -> Clock:
        """For the sink."""
        return Clock(self._monotonic, self._sleep)

    def run_out_in(self, seconds: float) -> None:
        """End every pause now, and every retry after `seconds`."""
        self._give_up_s = time.monotonic() + seconds
        self._is_stopping.set()

    def _monotonic(self) -> float:
        now_s = time.monotonic()
        return math.inf if now_s >= self._give_up_s else now_s

    def _sleep(self, seconds: float) -> None:
        if not self._is_stopping.wait(seconds):
            return
        left_s = self._give_up_s - time.monotonic()
        time.sleep(max(min(seconds, left_s), 0))


class Delivery:
    """A bounded queue of rows and the thread that empties it into one sink."""

    def __init__(
        self,
        name: str,
        open_sink: Callable[[], EventSink],
        patience: Patience,
        log: FilteringBoundLogger,
        *,
        max_rows: int,
        max_age_s: float,
        open_again_s: float = 0,
    ) -> None:
        """`open_sink` may wait for the sink as long as `patience` lasts; it raises SinkError.

        After that it is tried again for `open_again_s`: a database that was just made may lack its tables.
        """
        self.name = name
        self.failure: str | None = None
        """Why the sink cannot be used at all; None while it can."""
        self.stored_before_s = -math.inf
        """Rows of events handed out before this monotonic time are stored, or counted as discarded."""
        self._open_sink = open_sink
        self._patience = patience
        self._log = log
        self._max_rows = max_rows
        self._max_age_s = max_age_s
        self._open_again_s = open_again_s
        self._queue: SimpleQueue[list[Row] | StoredMark | None] = SimpleQueue()
        self._sink: EventSink | None = None
        # Each of these is written by one thread only: `offer`'s caller, or the delivery's own.
        self._accepted = 0
        self._refused = 0
        self._taken = 0
        self._complained_s = -math.inf
        self._thread = threading.Thread(target=self._work, name=f"delivery-{name}", daemon=True)

    @property
    def inserted(self) -> int:
        """Rows the sink has taken for good since the start."""
        return 0 if self._sink is None else self._sink.counts.inserted

    @property
    def discarded(self) -> int:
        """Rows given up since the start: the queue was full, or the sink refused them."""
        by_sink = 0 if self._sink is None else self._sink.counts.discarded
        return self._refused + by_sink

    @property
    def queued(self) -> int:
        """Rows that wait."""
        return self._accepted - self._taken

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def offer(self, rows: list[Row]) -> None:
        """Queue rows; those for which there is no room are discarded and counted. Never waits."""
        room = max(self._max_rows - self.queued, 0)
        if self.failure is not None:
            room = 0
        kept = rows[:room]
        self._refused += len(rows) - len(kept)
        if kept:
            self._accepted += len(kept)
            self._queue.put(kept)

    def mark(self, mark: StoredMark) -> None:
        """Rows of all events of the mark have been offered."""
        self._queue.put(mark)

    def finish(self, within_s: float) -> None:
        """Deliver what is queued, as far as that can be done in time, and end. The rest is discarded."""
        self._queue.put(None)
        self._patience.run_out_in(within_s)
        self._thread.join(within_s + 1)
        self._refused += self.queued

    def _work(self) -> None:
        try:
            self._sink = self._opened()
        except (SinkError, BrokenPipeError) as error:
            self.failure = str(error)
            return
        try:
            self._deliver(self._sink)
        except BrokenPipeError:
            self.failure = f"{self.name}: the reader has gone"
        finally:
            self._sink.close()

    def _opened(self) -> EventSink:
        clock = self._patience.clock()
        give_up_s = clock.monotonic() + self._open_again_s
        while True:
            try:
                return self._open_sink()
            except SinkError as error:
                if clock.monotonic() >= give_up_s:
                    raise
                self._complain("sink not ready", error)
                clock.sleep(OPEN_AGAIN_PAUSE_S)

    def _deliver(self, sink: EventSink) -> None:
        flush_at_s = marked_s = math.inf
        item: list[Row] | StoredMark | None = []
        while item is not None:
            wait_s = min(max(flush_at_s - time.monotonic(), 0), self._max_age_s)
            try:
                item = self._queue.get(timeout=wait_s)
            except Empty:
                item = []
            if isinstance(item, StoredMark):
                marked_s = item.handed_out_before_s
            elif item:
                flush_at_s = min(flush_at_s, time.monotonic() + self._max_age_s)
                self._attempt(partial(sink.write, item))
                self._taken += len(item)
            if item is None or time.monotonic() >= flush_at_s:
                flush_at_s = math.inf
                self._attempt(sink.flush)
            if math.isinf(flush_at_s) and not math.isinf(marked_s):
                self.stored_before_s, marked_s = marked_s, math.inf

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except SinkError as error:
            self._complain("rows discarded", error)

    def _complain(self, event: str, error: SinkError) -> None:
        now_s = time.monotonic()
        if now_s - self._complained_s >= COMPLAINT_S:
            self._complained_s = now_s
            self._log.error(event, sink=self.name, reason=str(error))

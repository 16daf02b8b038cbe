"""Delivery of rows to one sink of a live agent: never slows the capture, loses nothing silently.

Each sink has a thread and a bounded queue of its own, so one that is slow, absent or full does not touch the
others. A row is either in the queue, held by the sink, in its spool, or in one of its counts.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

from structlog.typing import FilteringBoundLogger

from capture_agent.ports import DiscardReason, LiveSink, RowCounts, SinkError, SpoolDepth
from capture_agent.rows import Row
from capture_agent.sink_metrics import SinkState


@dataclass(frozen=True, slots=True)
class StoredMark:
    """Stands in the queue behind the rows of all events that were handed out before a time."""

    handed_out_before_s: float


COMPLAINT_S = 60.0
"""A sink that fails again and again says so once in this time."""
TEND_S = 0.5
CLOSE_S = 1.0
"""How long, beyond the stated time, the end of a delivery may take."""


class Delivery:
    """A bounded queue of rows and the thread that empties it into one sink."""

    def __init__(
        self,
        name: str,
        open_sink: Callable[[], LiveSink],
        log: FilteringBoundLogger,
        *,
        max_rows: int,
        max_age_s: float,
        note_given: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`open_sink` is called by the delivery's thread; it raises SinkError.

        `note_given` is told how many rows were accepted, each time before they are queued.
        """
        self.name = name
        self.stored_before_s = -math.inf
        """Rows of events handed out before this monotonic time are stored, on disk, or counted as lost."""
        self._open_sink = open_sink
        self._log = log
        self._max_rows = max_rows
        self._max_age_s = max_age_s
        self._note_given = note_given
        self._queue: SimpleQueue[list[Row] | StoredMark | None] = SimpleQueue()
        self._sink: LiveSink | None = None
        self._predecessor: Delivery | None = None
        self._failure: str | None = None
        # Each of these is written by one thread only: `offer`'s caller, or the delivery's own.
        self._accepted = 0
        self._refused = 0
        self._taken = 0
        self._undelivered = 0
        self._marks: deque[tuple[float, int]] = deque()
        self._complained_s = -math.inf
        self._finish_by_s = math.inf
        self._thread = threading.Thread(target=self._work, name=f"delivery-{name}", daemon=True)

    @property
    def failure(self) -> str | None:
        """Why the sink cannot be used; None while it can."""
        if self._failure is not None or self._sink is None:
            return self._failure
        return self._sink.failure

    @property
    def accepted(self) -> int:
        """Rows offered since the start, those refused included."""
        return self._accepted + self._refused

    @property
    def queued(self) -> int:
        """Rows that wait in memory."""
        in_queue = self._accepted - self._taken - self._undelivered
        return in_queue + (0 if self._sink is None else self._sink.held_rows())

    @property
    def depth(self) -> SpoolDepth:
        """What waits on disk."""
        return SpoolDepth() if self._sink is None else self._sink.depth()

    @property
    def has_kept_all(self) -> bool:
        """After the end: nothing was given up because of it."""
        return self.failure is None and not self.counts().discards[DiscardReason.STOPPED]

    def state(self) -> SinkState:
        """For the metrics."""
        depth = self.depth
        age_s = 0.0 if depth.oldest_us is None else max(time.time() - depth.oldest_us / 1e6, 0.0)
        is_up = self.failure is None
        return SinkState(is_up, self.accepted, self.queued, self.counts(), depth, age_s)

    def counts(self) -> RowCounts:
        """What became of the rows since the start."""
        of_sink = RowCounts() if self._sink is None else self._sink.counts
        found = RowCounts(of_sink.inserted, of_sink.spooled, of_sink.drained, of_sink.rejected)
        found.discards.update(of_sink.discards)
        for reason, rows in (
            (DiscardReason.QUEUE_FULL, self._refused),
            (DiscardReason.STOPPED, self._undelivered),
        ):
            if rows:
                found.discards[reason] += rows
        return found

    def start(self, after: Delivery | None = None) -> None:
        """Begin to deliver, once the delivery `after` has ended; until then rows wait."""
        self._predecessor = after
        self._thread.start()

    def has_ended(self) -> bool:
        """Everything that was offered before `stop` has been settled."""
        if self._thread.is_alive():
            return False
        self._undelivered = self._accepted - self._taken
        return True

    def offer(self, rows: list[Row]) -> None:
        """Queue rows; those for which there is no room are discarded and counted. Never waits."""
        room = max(self._max_rows - (self._accepted - self._taken), 0)
        if self._failure is not None:
            room = 0
        kept = rows if len(rows) <= room else rows[:room]
        self._refused += len(rows) - len(kept)
        if kept:
            self._accepted += len(kept)
            self._note_given(self._accepted)
            self._queue.put(kept)

    def mark(self, mark: StoredMark) -> None:
        """Rows of all events of the mark have been offered."""
        self._queue.put(mark)

    def stop(self, within_s: float) -> None:
        """Deliver what waits, as far as that can be done in time; the rest is spooled, or discarded."""
        self._finish_by_s = time.monotonic() + within_s
        self._queue.put(None)

    def join(self) -> None:
        """Wait until that is done, or its time is over."""
        self._thread.join(max(self._finish_by_s - time.monotonic(), 0) + CLOSE_S)
        self._undelivered = self._accepted - self._taken

    def _work(self) -> None:
        if self._predecessor is not None:
            self._predecessor.join()
            self._predecessor = None
        try:
            self._sink = self._open_sink()
        except SinkError as error:
            self._fail(str(error))
            return
        try:
            self._deliver(self._sink)
        except BrokenPipeError:
            self._fail(f"{self.name}: the reader has gone")
        finally:
            self._sink.close()

    def _fail(self, reason: str) -> None:
        self._failure = reason
        self._log.error("sink failed", sink=self.name, reason=reason)

    def _deliver(self, sink: LiveSink) -> None:
        flush_at_s = marked_s = math.inf
        next_tend_s = 0.0
        item: list[Row] | StoredMark | None = []
        while item is not None:
            now_s = time.monotonic()
            if now_s >= next_tend_s:
                next_tend_s = now_s + TEND_S
                self._attempt(sink.tend)
                self._note_safe(sink)
            try:
                item = self._queue.get(timeout=max(min(flush_at_s, next_tend_s) - now_s, 0))
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
                self._marks.append((marked_s, sink.ticket()))
                marked_s = math.inf
        self._attempt(lambda: sink.finish(max(self._finish_by_s - time.monotonic(), 0)))
        self._note_safe(sink)

    def _note_safe(self, sink: LiveSink) -> None:
        while self._marks and sink.is_safe(self._marks[0][1]):
            self.stored_before_s = self._marks.popleft()[0]

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

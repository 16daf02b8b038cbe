"""All live sources of HTTP events of one agent, as one iteration in one thread."""

from __future__ import annotations

import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

from capture_agent.events import HttpEvent
from capture_agent.intake.line_intake import IntakeCounts

POLL_INTERVAL_S = 0.1
"""How often a source without a descriptor is polled: well within the time a request waits for its hello."""
MAX_POSITIONS = 4_096
"""Positions that wait to be kept, one a round at most; the oldest are forgotten."""


class PolledSource(Protocol):
    """A transport that never waits. Nothing that a sender does makes `poll` raise."""

    @property
    def counts(self) -> IntakeCounts:
        """What became of its lines so far."""

    def fileno(self) -> int | None:
        """A descriptor that is readable while there is something to do; None: poll it from time to time."""

    def poll(self) -> list[HttpEvent]:
        """Events that are there now, a bounded number."""

    def close(self) -> None:
        """Release what the source holds."""


class ResumableSource(PolledSource, Protocol):
    """A transport that can be read again from a position: a file."""

    def position(self) -> bytes:
        """Where the next unread line begins, as it is to be kept."""

    def keep(self, position: bytes) -> None:
        """Store a position for the next start."""


class LiveIntake:
    """The sources of one agent; satisfies `ports.ResumableRequestSource`."""

    def __init__(
        self, name: str, sources: Sequence[PolledSource], resumable: Sequence[ResumableSource] = ()
    ) -> None:
        """`resumable` are those of `sources` that keep their position."""
        self.name = name
        self._sources = tuple(sources)
        self._resumable = tuple(resumable)
        self._positions: deque[tuple[float, list[bytes]]] = deque(maxlen=MAX_POSITIONS)
        self._lock = threading.Lock()
        self._is_closing = False
        self._is_iterating = False
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    @property
    def rejected(self) -> int:
        """Lines since the start that hold no event and were skipped."""
        return sum(source.counts.rejected for source in self._sources)

    @property
    def lost(self) -> int:
        """Events since the start that never arrived."""
        return sum(source.counts.lost for source in self._sources)

    def __iter__(self) -> Iterator[HttpEvent]:
        """Events as they arrive; ends soon after `close`, which releases the sources when it has ended."""
        with self._lock:
            if self._is_closing:
                return
            self._is_iterating = True
        with selectors.DefaultSelector() as ready:
            ready.register(self._wake_reader, selectors.EVENT_READ)
            unready = [source for source in self._sources if not _register(ready, source)]
            timeout_s = POLL_INTERVAL_S if unready else None
            handed_out = False
            try:
                while not self._is_closing:
                    # A file that was behind has more: it is read on without a pause.
                    keys = ready.select(0 if handed_out and unready else timeout_s)
                    handed_out = False
                    for source in [*unready, *[key.data for key, _ in keys if key.data is not None]]:
                        for event in source.poll():
                            handed_out = True
                            yield event
                    if handed_out and self._resumable:
                        self._remember_positions()
            finally:
                self._release()

    def note_stored(self, handed_out_before_s: float) -> None:
        """Keep the positions up to which all events are stored. See `ports.ResumableRequestSource`."""
        positions = None
        with self._lock:
            while self._positions and self._positions[0][0] < handed_out_before_s:
                positions = self._positions.popleft()[1]
            if positions is not None:
                for source, position in zip(self._resumable, positions, strict=True):
                    source.keep(position)

    def close(self) -> None:
        """End the iteration; may be called by any thread, and again."""
        with self._lock:
            if self._is_closing:
                return
            self._is_closing = True
            if self._is_iterating:
                os.write(self._wake_writer, b"\0")
                return
        self._release()

    def _remember_positions(self) -> None:
        # The consumer took the last event before it asked for the next round: now is no earlier than that.
        with self._lock:
            self._positions.append((time.monotonic(), [source.position() for source in self._resumable]))

    def _release(self) -> None:
        with self._lock:
            self._is_closing = True
            os.close(self._wake_reader)
            os.close(self._wake_writer)
        for source in self._sources:
            source.close()


def _register(ready: selectors.BaseSelector, source: PolledSource) -> bool:
    descriptor = source.fileno()
    if descriptor is None:
        return False
    ready.register(descriptor, selectors.EVENT_READ, source)
    return True

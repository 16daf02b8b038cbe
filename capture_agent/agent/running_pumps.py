"""Threads that wait for packets and requests and put them into the agent's inbox, in the order of arrival.

What stands in the inbox is bounded: a thread that is too far ahead waits, and then the kernel's ring or the
web server's socket fills, where a loss is counted.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import SimpleQueue

from structlog.typing import FilteringBoundLogger

from capture_agent.capture.af_packet_socket import CaptureRefused
from capture_agent.events import HttpEvent
from capture_agent.ports import LivePacketSource, ResumableRequestSource
from capture_agent.selection import Selection
from capture_agent.wire.frame import Frame

READ_TIMEOUT_S = 0.05
STATISTICS_S = 1.0
REOPEN_S = 2.0
MAX_READS_AHEAD = 64
"""Reads of one capture in the inbox: at most 16 MB, as a read is a block of the ring."""
MAX_EVENTS_AHEAD = 16_384
"""Events of one source that wait for the packets of their time, a tenth of a second, about 2 kB each."""
DRAIN_S = 1.0
"""How long a capture is read on for what arrived before it was stopped; a block takes far less to come."""


@dataclass(frozen=True, slots=True)
class Captured:
    """Frames of one read."""

    capture: int
    frames: Iterable[Frame]


@dataclass(frozen=True, slots=True)
class SeenUntil:
    """A capture has delivered everything before this time; infinity when it ended."""

    capture: int
    until_us: float


@dataclass(frozen=True, slots=True)
class Reported:
    """An HTTP event."""

    at_us: int
    """When it arrived."""
    source: int
    event: HttpEvent


@dataclass(frozen=True, slots=True)
class Asked:
    """Stands behind every event that was handed out before a time."""

    at_us: int
    at_s: float
    """The same moment on the monotonic clock."""


Message = Captured | SeenUntil | Reported | Asked
Inbox = SimpleQueue[Message]


class CapturePump:
    """Reads one interface; opens it again when it went away."""

    def __init__(
        self,
        number: int,
        name: str,
        source: LivePacketSource,
        reopen: Callable[[Selection], LivePacketSource],
        selection: Selection,
        inbox: Inbox,
        log: FilteringBoundLogger,
    ) -> None:
        self.name = name
        self.drops = 0
        """Frames the kernel gave up since the start."""
        self.fill_ratio = 0.0
        self.is_up = True
        self._number = number
        self._source = source
        self._reopen = reopen
        self._selection = selection
        self._selecting = threading.Lock()
        self._inbox = inbox
        self._log = log
        self._room = threading.BoundedSemaphore(MAX_READS_AHEAD)
        self._stop_us: int | None = None
        self._stopping = threading.Event()
        self._next_statistics_s = 0.0
        self._thread = threading.Thread(target=self._work, name=f"capture-{self.name}", daemon=True)

    def select(self, selection: Selection) -> bool:
        """Replace what is captured, from the next frame on, and after every interruption.

        False if the kernel selects by ports alone, and the rest is left to the caller. Raises OSError.
        """
        with self._selecting:
            self._selection = selection
            return self._source.select(selection) if self.is_up else True

    def release(self) -> None:
        """Close what was never started."""
        self._source.close()

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End once everything that has arrived by now is in the inbox."""
        self._stop_us = time.time_ns() // 1_000
        self._stopping.set()

    def note_taken(self) -> None:
        """The frames of one read have been processed."""
        self._room.release()

    def has_ended(self) -> bool:
        """Nothing more will come into the inbox."""
        return not self._thread.is_alive()

    def _work(self) -> None:
        drain_until_s = math.inf
        try:
            while time.monotonic() < drain_until_s:
                if self._stopping.is_set() and math.isinf(drain_until_s):
                    drain_until_s = time.monotonic() + DRAIN_S
                try:
                    has_drained = self._read()
                    self._note_state(is_up=True)
                except OSError as error:
                    self._note_state(is_up=False, reason=error.strerror)
                    has_drained = self._stopping.is_set() or not self._open_again()
                if has_drained:
                    break
                self._take_statistics()
        finally:
            self._next_statistics_s = 0
            self._take_statistics()
            self._source.close()
            self.is_up = False
            self._inbox.put(SeenUntil(self._number, math.inf))

    def _read(self) -> bool:
        """Put what comes next into the inbox; True if the capture is stopped and has been read to its end."""
        frames = self._source.read(READ_TIMEOUT_S)
        if frames:
            while not self._room.acquire(timeout=READ_TIMEOUT_S):
                self._take_statistics()
            self._inbox.put(Captured(self._number, frames))
            return False
        until_us = self._source.delivered_until_us()
        self._inbox.put(SeenUntil(self._number, until_us))
        return self._stop_us is not None and until_us >= self._stop_us

    def _take_statistics(self) -> None:
        now_s = time.monotonic()
        if now_s < self._next_statistics_s:
            return
        self._next_statistics_s = now_s + STATISTICS_S
        self.fill_ratio = self._source.fill_ratio()
        try:
            self.drops += self._source.take_drops()
        except OSError as error:
            self._log.warning("kernel drops unknown", interface=self.name, reason=error.strerror)

    def _note_state(self, *, is_up: bool, reason: str | None = None) -> None:
        if is_up == self.is_up:
            return
        self.is_up = is_up
        if is_up:
            self._log.info("capture resumed", interface=self.name)
        else:
            self._log.error("capture interrupted", interface=self.name, reason=reason)

    def _open_again(self) -> bool:
        """Wait until the interface is there and open it; False if the agent was stopped before."""
        while not self._stopping.wait(REOPEN_S):
            # Other captures and the web server's events need not wait for this one.
            self._inbox.put(SeenUntil(self._number, time.time_ns() // 1_000))
            with self._selecting:
                try:
                    opened = self._reopen(self._selection)
                except CaptureRefused:
                    continue
                self._next_statistics_s = 0
                self._take_statistics()
                self._source.close()
                self._source = opened
            return True
        return False


class RequestPump:
    """Iterates over one source of HTTP events."""

    def __init__(self, number: int, source: ResumableRequestSource, inbox: Inbox) -> None:
        self.source = source
        self._number = number
        self._inbox = inbox
        self._room = threading.BoundedSemaphore(MAX_EVENTS_AHEAD)
        self._thread = threading.Thread(target=self._work, name=f"requests-{source.name}", daemon=True)

    def start(self) -> None:
        """Begin to iterate."""
        self._thread.start()

    def stop(self) -> None:
        """End the iteration soon."""
        self.source.close()

    def note_taken(self) -> None:
        """One event has been processed."""
        self._room.release()

    def has_ended(self) -> bool:
        """Nothing more will come into the inbox."""
        return not self._thread.is_alive()

    def _work(self) -> None:
        for event in self.source:
            self._room.acquire()
            self._inbox.put(Reported(time.time_ns() // 1_000, self._number, event))

"""Remembers across runs which numbers of each source have come, so that a gap between two runs is counted.

The numbers are written from time to time while events come, and at the end. After kill -9 the next run finds
those of about a second before: what was still waiting inside the killed agent counts as lost, and so may what
it had delivered in that second. Never fewer than were lost. After a loss of power the web server's processes
are gone as well; nothing is flushed to the disk for that.

Losses are told by the ledger once a minute. Those of the last minutes are written as well: a run that was
killed may not have told them, and the next one tells them again.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from capture_agent.intake.sequence import MAX_GAP, MAX_SOURCES, SequenceGaps

WRITE_S = 0.25
INSIDE_S = 1.0
"""Longest time from an event's arrival until it is a row that delivery accounts for: it waits for the packets
of its time, and half a second for its hello."""
TOLD_S = 150.0
"""Time after which a loss stands in a ledger that has been flushed: a minute, and the age of a batch."""
TOLD_STEP_S = 10.0
MAX_FILE_BYTES = 1 << 20


class _Kept(msgspec.Struct, frozen=True):
    """What the file holds."""

    numbers: dict[str, int]
    """The next number of each source."""
    untold: int = 0
    """Events known to be lost that no ledger may have told yet."""


_decoder = msgspec.json.Decoder(_Kept)


class KeptNumbers:
    """The numbers of one socket's senders, in a file."""

    def __init__(self, path: Path, gaps: SequenceGaps, monotonic: Callable[[], float]) -> None:
        """Give `gaps` what the run before has left. A file that cannot be read is as none."""
        self._path = path
        self._gaps = gaps
        self._monotonic = monotonic
        self._recent: deque[tuple[float, dict[str, int]]] = deque()
        self._next_s = monotonic()
        self._told: deque[tuple[float, int]] = deque([(-math.inf, 0)])
        self.untold = 0
        """Losses that the run before knew of and may not have told."""
        try:
            with path.open("rb") as file:
                kept = _decoder.decode(file.read(MAX_FILE_BYTES))
        except (OSError, ValueError):
            return
        if len(kept.numbers) <= MAX_SOURCES and 0 <= kept.untold <= MAX_GAP:
            gaps.resume(kept.numbers)
            self.untold = kept.untold

    def tend(self, lost: int) -> None:
        """Write what is due; called with every event. `lost`: events since the start. Raises OSError."""
        now_s = self._monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + WRITE_S
        if now_s >= self._told[-1][0] + TOLD_STEP_S:
            self._told.append((now_s, lost))
        while len(self._told) > 1 and self._told[1][0] <= now_s - TOLD_S:
            self._told.popleft()
        self._recent.append((now_s, self._gaps.expected()))
        numbers = None
        while self._recent and self._recent[0][0] <= now_s - INSIDE_S:
            numbers = self._recent.popleft()[1]
        if numbers is not None:
            self._write(_Kept(numbers, lost - self._told[0][1]))

    def close(self) -> None:
        """Write the numbers as they are; the ledger of a run that ends tells its losses. Raises OSError."""
        self._write(_Kept(self._gaps.expected()))

    def _write(self, kept: _Kept) -> None:
        fresh = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, msgspec.json.encode(kept))
        finally:
            os.close(descriptor)
        fresh.rename(self._path)

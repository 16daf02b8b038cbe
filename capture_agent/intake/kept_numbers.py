"""Remembers across runs which numbers of each source have come, so that a gap between two runs is counted.

The file holds the numbers up to which every event has become a row that is stored, or on disk. What came
later and was inside a killed agent is missing for the next run, together with what no agent heard meanwhile:
it counts as lost, and so does what was stored in the last seconds. Never fewer than were lost. After a run
that ended in good order the numbers are exact. After a loss of power the web server's processes are gone as
well; nothing is flushed to the disk for that.

Losses are told by the ledger once a minute. Those of the last minutes are written as well: a run that was
killed may not have told them, and the next one tells them again.
"""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from capture_agent.intake.sequence import MAX_GAP, MAX_SOURCES, SequenceGaps

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


_file_decoder = msgspec.json.Decoder(_Kept)
_position_decoder = msgspec.json.Decoder(dict[str, int])


class KeptNumbers:
    """The numbers of one socket's senders, in a file. One thread notes; another may keep."""

    def __init__(self, path: Path, gaps: SequenceGaps, monotonic: Callable[[], float]) -> None:
        """Give `gaps` what the run before has left. A file that cannot be read is as none."""
        self._path = path
        self._gaps = gaps
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._new: dict[str, int] = {}
        self._lost = 0
        self._is_ending = False
        self._told: deque[tuple[float, int]] = deque([(-math.inf, 0)])
        self.untold = 0
        """Losses that the run before knew of and may not have told."""
        try:
            with path.open("rb") as file:
                kept = _file_decoder.decode(file.read(MAX_FILE_BYTES))
        except (OSError, ValueError):
            return
        if len(kept.numbers) <= MAX_SOURCES and 0 <= kept.untold <= MAX_GAP:
            gaps.resume(kept.numbers)
            self._numbers = kept.numbers
            self.untold = kept.untold

    def note(self, source_id: str, number: int, lost: int) -> None:
        """An event has come; `lost`: events since the start. Raises OSError."""
        with self._lock:
            self._lost = lost
            if source_id in self._numbers or source_id in self._new or len(self._new) >= MAX_SOURCES:
                return
            # From here on it is known what is missing, even if the agent is killed at once.
            self._new[source_id] = number
            self._write()

    def position(self) -> bytes:
        """The numbers of now, for `keep`."""
        return msgspec.json.encode(self._gaps.expected())

    def keep(self, position: bytes) -> None:
        """Every event before this position is stored. Raises OSError."""
        with self._lock:
            self._numbers = _position_decoder.decode(position)
            for source_id in self._numbers.keys() & self._new.keys():
                del self._new[source_id]
            now_s = self._monotonic()
            if now_s >= self._told[-1][0] + TOLD_STEP_S:
                self._told.append((now_s, self._lost))
            while len(self._told) > 1 and self._told[1][0] <= now_s - TOLD_S:
                self._told.popleft()
            self._write()

    def end(self) -> None:
        """The run ends in good order: its last ledger tells every loss, and `keep` comes once more."""
        with self._lock:
            self._is_ending = True

    def _write(self) -> None:
        untold = 0 if self._is_ending else self._lost - self._told[0][1]
        kept = _Kept({**self._new, **self._numbers}, untold)
        fresh = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, msgspec.json.encode(kept))
        finally:
            os.close(descriptor)
        fresh.rename(self._path)

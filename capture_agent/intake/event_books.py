"""How many HTTP events a run took in, made rows of, and missed, kept where a kill cannot lose it.

An event inside a killed agent is lost with it until its row has been given to the sinks, which keep books of
their own. What is known to be lost is told by the ledger once a minute; a run that was killed before that
leaves it to the next one.
"""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path

from capture_agent.crash_map import NUMBER, CrashMap, numbers_of

_MAGIC = b"ja4event"
_TAKEN_AT, _SETTLED_AT, _LOST_AT, _TOLD_AT = 8, 16, 24, 32
_FILE_BYTES = 40
MAX_UNFLUSHED_TICKS = 1_440
"""A day's; older ones tell what the newer tell as well."""


class EventBooks:
    """One for all sources of an agent. Events are taken by one thread and settled by another."""

    def __init__(self, path: Path) -> None:
        """Open the books of the run before and begin new ones. Raises OSError."""
        self._map = CrashMap(path, _FILE_BYTES)
        taken, settled, lost, told = numbers_of(self._map.before, _MAGIC, 4) or (0, 0, 0, 0)
        self.lost_before = max(taken - settled, 0) + max(lost - told, 0)
        """Events that the run before took in and made no row of, and losses that no ledger has told.

        Those of a file that is followed are among the first, although this run reads them again.
        """
        self._taken = 0
        self._lost = self.lost_before
        self._told = 0
        self._ticks: deque[tuple[int, int]] = deque(maxlen=MAX_UNFLUSHED_TICKS)
        self._tick_count = 0
        self._lock = threading.Lock()
        self._map.write(0, _MAGIC + bytes(2 * NUMBER.size) + NUMBER.pack(self._lost) + NUMBER.pack(0))

    def take(self) -> None:
        """An event has come."""
        self._taken += 1
        self._map.put(_TAKEN_AT, self._taken)

    def lose(self, events: int) -> None:
        """So many more are known to be missing."""
        self._lost += events
        self._map.put(_LOST_AT, self._lost)

    def settle(self, total: int) -> None:
        """So many events since the start of the run are rows that were given to the sinks, or are booked."""
        self._map.put(_SETTLED_AT, total)

    def note_ticks(self, ticks: int, lost: int) -> None:
        """So many rows of the ledger were given to the sinks; the last brought its losses to `lost`.

        `lost` counts from the start of the run and includes `lost_before`.
        """
        with self._lock:
            self._tick_count += ticks
            self._ticks.append((self._tick_count, lost))

    def note_ledger_flushed(self, ticks: int) -> None:
        """A sink has flushed so many rows of the ledger since the start of the run; any thread may tell."""
        with self._lock:
            while self._ticks and self._ticks[0][0] <= ticks:
                self._told = max(self._told, self._ticks.popleft()[1])
            self._map.put(_TOLD_AT, self._told)

    def close(self) -> None:
        """End the books."""
        self._map.close()

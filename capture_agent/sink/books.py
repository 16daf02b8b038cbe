"""How many rows a run took in and how many of them it has flushed, kept where a kill cannot lose it.

The next run reads from the numbers how many rows were lost.
"""

from __future__ import annotations

from pathlib import Path

from capture_agent.crash_map import NUMBER, CrashMap, numbers_of

_MAGIC = b"ja4books"
_GIVEN_AT, _FLUSHED_AT, _UNTOLD_AT = 8, 16, 24
_FILE_BYTES = 32


class CrashBooks:
    """Rows given to a sink, and those of them that left memory; each number has one writer at a time."""

    def __init__(self, path: Path) -> None:
        """Open the books of the run before and begin new ones. Raises OSError."""
        self._map = CrashMap(path, _FILE_BYTES)
        given, flushed, untold = numbers_of(self._map.before, _MAGIC, 3) or (0, 0, 0)
        self.lost_before = max(given - flushed, 0) + untold
        """Rows that the run before was given and had flushed nowhere when it ended: 0 unless it was killed.

        An insert that was under way may have been stored all the same: it is among them. So is what an
        earlier run had lost, if the run before was killed before its ledger could tell.
        """
        self._map.write(0, _MAGIC + bytes(2 * NUMBER.size) + NUMBER.pack(self.lost_before))

    def note_given(self, total: int) -> None:
        """So many rows were given to the sink since the start of the run."""
        self._map.put(_GIVEN_AT, total)

    def note_flushed(self, total: int) -> None:
        """So many of them are stored, spooled, set aside or counted as discarded."""
        # An insert that outlived the end of delivery has nobody to tell: the map is closed then.
        self._map.put(_FLUSHED_AT, total)

    def note_told(self) -> None:
        """The ledger that tells of `lost_before` has been flushed."""
        self._map.put(_UNTOLD_AT, 0)

    def close(self) -> None:
        """End the books."""
        self._map.close()

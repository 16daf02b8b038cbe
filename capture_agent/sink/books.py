"""How many rows a run took in and how many of them it has flushed, kept where a kill cannot lose it.

The numbers stand in a small file that is mapped into memory: the kernel keeps what was written to the map
when the process is killed. The next run reads from them how many rows were lost. After a loss of power the
numbers are as old as the kernel's last write-back, up to half a minute.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

_MAGIC = b"ja4books"
_COUNT = struct.Struct("=Q")
_GIVEN_AT, _FLUSHED_AT, _UNTOLD_AT = 8, 16, 24
_FILE_BYTES = 32


class CrashBooks:
    """Rows given to a sink, and those of them that left memory; each number has one writer at a time."""

    def __init__(self, path: Path) -> None:
        """Open the books of the run before and begin new ones. Raises OSError."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            old = os.read(descriptor, _FILE_BYTES)
            os.ftruncate(descriptor, _FILE_BYTES)
            self._map = mmap.mmap(descriptor, _FILE_BYTES)
        finally:
            os.close(descriptor)
        self.lost_before = 0
        """Rows that the run before was given and had flushed nowhere when it ended: 0 unless it was killed.

        An insert that was under way may have been stored all the same: it is among them. So is what an
        earlier run had lost, if the run before was killed before its ledger could tell.
        """
        if len(old) == _FILE_BYTES and old.startswith(_MAGIC):
            given, flushed, untold = (
                _COUNT.unpack_from(old, at)[0] for at in (_GIVEN_AT, _FLUSHED_AT, _UNTOLD_AT)
            )
            self.lost_before = max(given - flushed, 0) + untold
        self._map[:_FILE_BYTES] = _MAGIC + bytes(16) + _COUNT.pack(self.lost_before)

    def note_given(self, total: int) -> None:
        """So many rows were given to the sink since the start of the run."""
        self._put(_GIVEN_AT, total)

    def note_flushed(self, total: int) -> None:
        """So many of them are stored, spooled, set aside or counted as discarded."""
        self._put(_FLUSHED_AT, total)

    def note_told(self) -> None:
        """The ledger that tells of `lost_before` has been flushed."""
        self._put(_UNTOLD_AT, 0)

    def close(self) -> None:
        """End the books."""
        self._map.close()

    def _put(self, at: int, count: int) -> None:
        # An insert that outlived the end of delivery has nobody to tell.
        if not self._map.closed:
            _COUNT.pack_into(self._map, at, count)

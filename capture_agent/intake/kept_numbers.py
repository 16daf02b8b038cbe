"""Remembers across runs which numbers of each source have come, so that a gap between two runs is counted.

The next number of each source stands in a file that outlives a kill, so the next run knows exactly what was
reported while no agent listened. After a loss of power the web server's processes are gone as well; nothing
is flushed to the disk for that.
"""

from __future__ import annotations

from pathlib import Path

from capture_agent.crash_map import NUMBER, CrashMap
from capture_agent.intake.sequence import MAX_SOURCES, SequenceGaps

_MAGIC = b"ja4nums1"
MAX_NAME_BYTES = 120
"""A source with a longer name is not remembered; mod_reqin_log's have at most 63."""
_SLOT_BYTES = NUMBER.size + MAX_NAME_BYTES
_FILE_BYTES = len(_MAGIC) + MAX_SOURCES * _SLOT_BYTES


class KeptNumbers:
    """The numbers of one socket's senders, in a file; for one thread."""

    def __init__(self, path: Path, gaps: SequenceGaps) -> None:
        """Give `gaps` what the run before has left; a file of another kind is as none. Raises OSError."""
        self._map = CrashMap(path, _FILE_BYTES)
        self._slots: dict[str, int] = {}
        numbers = {}
        if self._map.before.startswith(_MAGIC):
            for at in range(len(_MAGIC), len(self._map.before) - _SLOT_BYTES + 1, _SLOT_BYTES):
                number, name = _slot(self._map.before[at : at + _SLOT_BYTES])
                if number and name is not None:
                    numbers[name] = number
                    self._slots[name] = at
        else:
            self._map.write(0, _MAGIC + bytes(_FILE_BYTES - len(_MAGIC)))
        self._free = sorted(set(range(len(_MAGIC), _FILE_BYTES, _SLOT_BYTES)) - set(self._slots.values()))
        gaps.resume(numbers)

    def note(self, source_id: str, next_number: int) -> None:
        """Every event of a source before this number has come, or is booked as lost."""
        at = self._slots.get(source_id)
        if at is None:
            name = source_id.encode()
            if len(name) > MAX_NAME_BYTES:
                return
            at = self._free.pop() if self._free else self._slots.pop(next(iter(self._slots)))
            self._slots[source_id] = at
            # A slot without a number is empty: a kill between the writes leaves no number under a wrong name.
            self._map.put(at, 0)
            self._map.write(at + NUMBER.size, name.ljust(MAX_NAME_BYTES, b"\0"))
        self._map.put(at, next_number)

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()


def _slot(content: bytes) -> tuple[int, str | None]:
    try:
        name = content[NUMBER.size :].rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return 0, None
    return NUMBER.unpack_from(content)[0], name

"""Puts together a run of bytes whose pieces arrive in any order, overlap or repeat."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from capture_agent.wire.errors import Malformed

MAX_PIECES = 4096
"""Pieces that may bring new bytes: Chromium cuts a hello into about twenty; at worst each costs a copy."""


class FragmentBuffer:
    """Bytes from offset 0 to at most `limit`. The first bytes received for a place stay.

    Memory grows with the bytes received, not with their offsets: islands are kept apart, so that one byte
    at a far place costs one byte.
    """

    __slots__ = ("_ends", "_islands", "_limit", "_pieces", "_starts")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces = 0
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._islands: list[bytearray] = []

    @property
    def contiguous(self) -> int:
        """Bytes known without a gap from offset 0."""
        return self._ends[0] if self._starts and not self._starts[0] else 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes held."""
        return sum(map(len, self._islands))

    def read(self, start: int, stop: int) -> bytes:
        """Bytes of the contiguous run."""
        return bytes(self._islands[0][start:stop]) if self.contiguous else b""

    def add(self, offset: int, piece: bytes, where: int) -> bool:
        """Place a piece; True if it brought bytes that were missing.

        Raises `Malformed` at `where`, the caller's position, beyond the limit or with too many pieces.
        """
        stop = offset + len(piece)
        if stop > self._limit:
            raise Malformed("hello is longer than 65536 bytes", where)
        starts, ends, islands = self._starts, self._ends, self._islands
        # Islands first..last-1 touch or overlap [offset, stop).
        first = bisect_left(ends, offset)
        last = bisect_right(starts, stop)
        if not piece or (last - first == 1 and starts[first] <= offset and stop <= ends[first]):
            return False
        self._pieces += 1
        if self._pieces > MAX_PIECES:
            raise Malformed("hello is cut into too many pieces", where)
        if first == last:
            starts.insert(first, offset)
            ends.insert(first, stop)
            islands.insert(first, bytearray(piece))
            return True
        if starts[first] <= offset:
            joined = islands[first]
            start = at = starts[first]
        else:
            joined = bytearray()
            start = at = offset
        # Walk the islands: what is between them comes from the piece, so nothing known is replaced.
        for i in range(first, last):
            if i > first or joined is not islands[first]:
                joined += piece[at - offset : starts[i] - offset]
                joined += islands[i]
            at = ends[i]
        joined += piece[at - offset :] if stop > at else b""
        starts[first:last] = [start]
        ends[first:last] = [start + len(joined)]
        islands[first:last] = [joined]
        return True

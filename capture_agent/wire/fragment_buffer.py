"""Puts together a run of bytes whose pieces arrive in any order, overlap or repeat."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from capture_agent.wire.errors import Malformed

MAX_ISLANDS = 512
"""Pieces that may lie apart at a time; Chromium cuts a hello into about twenty."""


class FragmentBuffer:
    """Bytes from offset 0 to at most `limit`. The first bytes received for a place stay."""

    __slots__ = ("_ends", "_limit", "_octets", "_starts")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._octets = bytearray()
        self._starts: list[int] = []
        self._ends: list[int] = []

    @property
    def contiguous(self) -> int:
        """Bytes known without a gap from offset 0."""
        return self._ends[0] if self._starts and not self._starts[0] else 0

    @property
    def buffered_bytes(self) -> int:
        """Memory held, gaps included."""
        return len(self._octets)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes of the contiguous run."""
        return bytes(self._octets[start:stop])

    def add(self, offset: int, piece: bytes, where: int) -> bool:
        """Place a piece; True if it brought bytes that were missing.

        Raises `Malformed` at `where`, the caller's position, beyond the limit or with too many gaps.
        """
        if not piece:
            return False
        stop = offset + len(piece)
        if stop > self._limit:
            raise Malformed("hello is longer than 65536 bytes", where)
        starts, ends = self._starts, self._ends
        # Islands first..last-1 touch or overlap [offset, stop).
        first = bisect_left(ends, offset)
        last = bisect_right(starts, stop)
        if last - first == 1 and starts[first] <= offset and stop <= ends[first]:
            return False
        if len(self._octets) < stop:
            self._octets.extend(bytes(stop - len(self._octets)))
        kept = [
            (max(starts[i], offset), self.read(max(starts[i], offset), min(ends[i], stop)))
            for i in range(first, last)
        ]
        self._octets[offset:stop] = piece
        for start, earlier in kept:
            self._octets[start : start + len(earlier)] = earlier
        if first < last:
            offset = min(offset, starts[first])
            stop = max(stop, ends[last - 1])
        starts[first:last] = [offset]
        ends[first:last] = [stop]
        if len(starts) > MAX_ISLANDS:
            raise Malformed("hello is cut into too many pieces", where)
        return True

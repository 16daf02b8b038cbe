"""A reader of length-prefixed bytes that checks each declared length on entry and on exit."""

from __future__ import annotations

from capture_agent.wire.errors import Malformed


class Cursor:
    """Reads forward through `data[pos:end]`; every method raises `Malformed` instead of running over the end.

    Offsets in errors count from the start of `data`, also inside a `block`.
    """

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: bytes, pos: int = 0, end: int | None = None) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data) if end is None else end

    @property
    def remaining(self) -> int:
        """Bytes left before the end of this block."""
        return self.end - self.pos

    def _advance(self, size: int, what: str) -> int:
        start = self.pos
        if size > self.end - start:
            raise Malformed(f"{what} runs over the end", start)
        self.pos = start + size
        return start

    def uint(self, size: int, what: str) -> int:
        """Big-endian unsigned integer of `size` bytes."""
        start = self._advance(size, what)
        return int.from_bytes(self.data[start : start + size], "big")

    def varint(self, what: str) -> int:
        """Variable-length integer of RFC 9000 section 16: the first two bits give the size."""
        if self.pos >= self.end:
            raise Malformed(f"{what} runs over the end", self.pos)
        size = 1 << (self.data[self.pos] >> 6)
        return self.uint(size, what) & ((1 << (8 * size - 2)) - 1)

    def take(self, size: int, what: str) -> bytes:
        """The next `size` bytes."""
        start = self._advance(size, what)
        return self.data[start : start + size]

    def skip(self, size: int, what: str) -> None:
        """Pass over `size` bytes."""
        self._advance(size, what)

    def vector(self, length_size: int, what: str) -> bytes:
        """Bytes preceded by their length as an integer of `length_size` bytes."""
        return self.take(self.uint(length_size, what), what)

    def block(self, length_size: int, what: str) -> Cursor:
        """A cursor over the next vector, to be closed with `finish`; this cursor moves behind it."""
        size = self.uint(length_size, what)
        start = self._advance(size, what)
        return Cursor(self.data, start, start + size)

    def finish(self, what: str) -> None:
        """Raise `Malformed` unless the declared length was used up."""
        if self.pos != self.end:
            raise Malformed(f"{what} has bytes left over", self.pos)

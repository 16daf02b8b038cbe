"""Cuts a stream of bytes into lines and never holds more than one line's limit."""

from __future__ import annotations


class LineBuffer:
    """Bytes go in as they arrive, whole lines come out without their line break."""

    def __init__(self, max_line_bytes: int, *, skips_holes: bool = False) -> None:
        """`skips_holes`: drop NUL bytes in front of a line.

        A writer that keeps its offset after its file was truncated leaves a hole there, of any size.
        """
        self._max = max_line_bytes
        self._skips_holes = skips_holes
        self._partial = bytearray()
        self._is_skipping = False

    @property
    def held_bytes(self) -> int:
        """Size of the unfinished line."""
        return len(self._partial)

    def feed(self, received: bytes) -> list[bytes | None]:
        """Lines that are now complete; None stands for each one longer than the limit."""
        *ended, rest = received.split(b"\n")
        lines: list[bytes | None] = []
        for end in ended:
            if self._is_skipping:
                self._is_skipping = False
                continue
            line = bytes(self._partial + end) if self._partial else end
            self._partial.clear()
            if self._skips_holes and line[:1] == b"\0":
                line = line.lstrip(b"\0")
            lines.append(line if len(line) <= self._max else None)
        if not self._is_skipping:
            is_hole = self._skips_holes and not self._partial
            self._partial += rest.lstrip(b"\0") if is_hole else rest
            if len(self._partial) > self._max:
                self.give_up()
                lines.append(None)
                self._is_skipping = True
        return lines

    def give_up(self) -> None:
        """Drop the unfinished line."""
        self._partial.clear()

    def take_rest(self) -> bytes:
        """The unfinished line, when nothing more will come."""
        rest = bytes(self._partial)
        self._partial.clear()
        self._is_skipping = False
        return rest

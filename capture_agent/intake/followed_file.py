"""One open log file: reads what is new, and notices when its content was taken away under its reader."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from capture_agent.intake.follow_state import FilePosition
from capture_agent.intake.line_buffer import LineBuffer

HEAD_BYTES = 256
READ_BYTES = 1 << 20


class FollowedFile:
    """A file of a followed path, wherever it has been renamed to since."""

    def __init__(self, path: Path, max_line_bytes: int, offset: int = 0) -> None:
        """Open at an offset. Raises OSError; a file that is not regular raises ValueError."""
        # O_NONBLOCK: opening a FIFO would wait for a writer.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(self._descriptor)
            raise ValueError(f"{path}: is no regular file")
        self.identity = (status.st_dev, status.st_ino)
        self._read_until = offset
        self._max_line_bytes = max_line_bytes
        self._lines = LineBuffer(max_line_bytes, skips_holes=True)
        self._line_begins = offset
        self._head = os.pread(self._descriptor, HEAD_BYTES, 0)
        self.quiet_since_s: float | None = None
        """When nothing new was found in it for the first time, once its path named another file."""

    def skip_to_last_line(self) -> None:
        """Pass over the lines that are there; one without its end is read when it is complete."""
        size = self.size
        tail_begins = max(0, size - self._max_line_bytes)
        last_break = os.pread(self._descriptor, size - tail_begins, tail_begins).rfind(b"\n")
        self._read_until = self._line_begins = size if last_break < 0 else tail_begins + last_break + 1

    @property
    def size(self) -> int:
        """Its size now."""
        return os.fstat(self._descriptor).st_size

    def position(self) -> FilePosition:
        """What has been read, but for a line without its end."""
        return FilePosition(*self.identity, self._line_begins, self._head)

    def was_replaced(self) -> bool:
        """Whether it was truncated since, or holds something else from the beginning: `copytruncate`."""
        return self.size < self._read_until or not self._has_same_head()

    def read(self) -> list[bytes | None]:
        """New whole lines, None for one that is too long; empty at its present end."""
        received = os.pread(self._descriptor, READ_BYTES, self._read_until)
        if not received:
            return []
        if len(self._head) < HEAD_BYTES:
            self._head = os.pread(self._descriptor, HEAD_BYTES, 0)
        self._read_until += len(received)
        lines = self._lines.feed(received)
        last_break = received.rfind(b"\n")
        if last_break >= 0:
            self._line_begins = self._read_until - (len(received) - last_break - 1)
        return lines

    def take_rest(self) -> bytes:
        """A last line without its end, of a file that will not grow any more."""
        self._line_begins = self._read_until
        return self._lines.take_rest()

    def start_over(self) -> None:
        """Read its new content from the beginning."""
        self._read_until = self._line_begins = 0
        self._lines = LineBuffer(self._max_line_bytes, skips_holes=True)
        self._head = os.pread(self._descriptor, HEAD_BYTES, 0)

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def _has_same_head(self) -> bool:
        return os.pread(self._descriptor, len(self._head), 0) == self._head


def has_head(path: Path, position: FilePosition) -> bool:
    """Whether a file is there that begins as the one of a position and reaches at least as far."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        status = os.fstat(descriptor)
        return (
            stat.S_ISREG(status.st_mode)
            and status.st_size >= position.offset
            and os.pread(descriptor, len(position.head), 0) == position.head
        )
    finally:
        os.close(descriptor)

"""A small file of numbers that is mapped into memory: what was written to it outlives a kill of the process.

After a loss of power the file is as old as the kernel's last write-back, up to half a minute.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

NUMBER = struct.Struct("=Q")


class CrashMap:
    """The file, with room for `size` bytes; each place in it has one writer at a time."""

    def __init__(self, path: Path, size: int) -> None:
        """Open or create the file. Raises OSError, also for a full disk."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self.before = os.read(descriptor, size)
            """What the file held when it was opened."""
            os.ftruncate(descriptor, size)
            # A page without a place on the disk would end the process when it is first written.
            os.posix_fallocate(descriptor, 0, size)
            self._map = mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)

    def put(self, at: int, number: int) -> None:
        """Write a number, `NUMBER.size` bytes at `at`; nothing after `close`."""
        if not self._map.closed:
            NUMBER.pack_into(self._map, at, number)

    def write(self, at: int, content: bytes) -> None:
        """Write bytes; nothing after `close`."""
        if not self._map.closed:
            self._map[at : at + len(content)] = content

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()


def numbers_of(content: bytes, magic: bytes, count: int) -> list[int] | None:
    """`count` numbers that stand behind `magic` in a file; None in a file of another kind."""
    size = len(magic) + count * NUMBER.size
    if len(content) < size or not content.startswith(magic):
        return None
    return [NUMBER.unpack_from(content, len(magic) + place * NUMBER.size)[0] for place in range(count)]

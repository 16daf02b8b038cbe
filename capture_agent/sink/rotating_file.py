"""Rows as JSON lines in a file that is rotated by size and age.

    rows.jsonl                              being written
    rows.jsonl.20261122T171500.482913Z.gz   rotated at that time; the newest `keep` stay

Lines are handed to the operating system at once and whole. They are not flushed to the disk one by one: a
loss of power may cost the last half minute; who cannot bear that has the ClickHouse sink with its spool.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from capture_agent.ports import DiscardReason, RowCounts, SinkError
from capture_agent.rows import Row
from capture_agent.sink.at_once import WritesAtOnce
from capture_agent.sink.encode import encode_row_with_table

US_PER_S = 1_000_000
PART = ".part"
GZIP_LEVEL = 1


@dataclass(frozen=True, slots=True)
class RotationLimits:
    """When a file is rotated, and how many stay."""

    max_bytes: int = 256 << 20
    max_age_us: int = 24 * 3_600 * US_PER_S
    keep: int = 7
    """Rotated files; older ones are deleted."""
    is_compressed: bool = True


class RotatingFileSink(WritesAtOnce):
    """Appends to a file; satisfies `ports.LiveSink`. Also follows a rotation done by somebody else."""

    def __init__(self, path: Path, limits: RotationLimits, wall_us: Callable[[], int]) -> None:
        """Open or make the file. Raises SinkError."""
        self.counts = RowCounts()
        self._path = path
        self._limits = limits
        self._wall_us = wall_us
        self._file = -1
        self._size = 0
        self._began_us = 0
        self._open()
        for leftover in path.parent.glob(f"{path.name}.*{PART}"):
            leftover.unlink(missing_ok=True)

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows, all or none of them. Raises SinkError."""
        if not rows:
            return
        block = b"".join([encode_row_with_table(row) for row in rows])
        if self._size and self._size + len(block) > self._limits.max_bytes:
            self._rotate()
        try:
            _append(self._file, block)
        except OSError as error:
            # Half a line would make the next one unreadable.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            self.counts.discards[DiscardReason.REFUSED] += len(rows)
            raise SinkError(f"{self._path}: {error.strerror}; {len(rows)} rows are not in it") from error
        if not self._size:
            self._began_us = self._wall_us()
        self._size += len(block)
        self.counts.inserted += len(rows)

    def tend(self) -> None:
        """Rotate a file that is old enough; open the new one if somebody moved ours away."""
        if self._was_moved():
            os.close(self._file)
            self._open()
        elif self._size and abs(self._wall_us() - self._began_us) >= self._limits.max_age_us:
            self._rotate()

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _open(self) -> None:
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o640)
            self._size = os.fstat(self._file).st_size
        except OSError as error:
            raise SinkError(f"{self._path}: {error.strerror}") from error
        self._began_us = self._wall_us()

    def _was_moved(self) -> bool:
        try:
            there = self._path.stat()
        except OSError:
            return True
        ours = os.fstat(self._file)
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _rotate(self) -> None:
        now_us = self._wall_us()
        moment = datetime.fromtimestamp(now_us // US_PER_S, UTC).strftime("%Y%m%dT%H%M%S")
        rotated = self._path.with_name(f"{self._path.name}.{moment}.{now_us % US_PER_S:06}Z")
        try:
            self._path.rename(rotated)
            os.close(self._file)
            self._open()
            if self._limits.is_compressed:
                _compress(rotated)
            self._delete_oldest()
        except OSError as error:
            # The rows go on into the file that is open; the next write over the size tries again.
            raise SinkError(f"{self._path}: not rotated: {error.strerror}") from error

    def _delete_oldest(self) -> None:
        # Names sort by their time; the pattern leaves out files that only begin alike.
        digits = "[0-9]"
        pattern = f"{self._path.name}.{digits * 8}T{digits * 6}.{digits * 6}Z*"
        rotated = sorted(self._path.parent.glob(pattern))
        for path in rotated[: max(len(rotated) - self._limits.keep, 0)]:
            path.unlink(missing_ok=True)


def _append(descriptor: int, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _compress(path: Path) -> None:
    """Replace a file by its compressed form, never leaving half of it under the final name."""
    part = path.with_name(f"{path.name}.gz{PART}")
    try:
        with path.open("rb") as plain, gzip.open(part, "wb", compresslevel=GZIP_LEVEL) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    part.rename(path.with_name(f"{path.name}.gz"))
    path.unlink()

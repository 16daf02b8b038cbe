"""The folder of the spool: files of batches, those set aside, and a lock.

Durability: a batch counts as spooled once its file and the folder's entry of it have been flushed to the
disk (`fsync` on both). From then on it outlives a killed agent and a loss of power. Removals are not flushed:
after a loss of power a delivered batch may be there again; its token keeps it from being stored twice.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from capture_agent.sink.batch import Batch
from capture_agent.sink.spool_format import (
    MAX_HEADER_BYTES,
    Description,
    Foreign,
    Torn,
    decode,
    describe,
    encode,
    file_name,
    maybe_sequence,
)

LOCK, REJECTED, DAMAGED, BOOKS = "lock", "rejected", "damaged", "books"
OWN_NAMES = frozenset({LOCK, REJECTED, DAMAGED, BOOKS})
MAX_SET_ASIDE_FILES = 1_000


class UnusableSpool(Exception):  # noqa: N818 - named for what it refuses
    """The spool's folder cannot be used; the text says why and what can be done."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A batch on disk."""

    sequence: int
    table: str
    rows: int
    file_bytes: int
    cut_us: int


class SpoolFolder:
    """Stores, reads and removes batches; one agent at a time."""

    def __init__(self, path: Path, max_set_aside_bytes: int, report: Callable[[str, str], None]) -> None:
        """Make the folder if it is missing, and lock it. Raises UnusableSpool.

        `report` is given the kind of a problem, a constant, and a sentence.
        """
        self.path = path
        self._max_set_aside_bytes = max_set_aside_bytes
        self._report = report
        try:
            for folder in (path, path / REJECTED, path / DAMAGED):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnusableSpool(f"spool {path}: {error.strerror}; choose another with spool.dir") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise UnusableSpool(f"spool {path}: another agent uses it") from error

    def close(self) -> None:
        """Let another agent have it."""
        os.close(self._lock)

    def recover(self) -> tuple[list[Stored], int]:
        """The batches of earlier runs, oldest first, and the rows of those that are damaged.

        What is torn is removed, what is foreign is set aside; each is told in one line.
        """
        found: list[Stored] = []
        damaged_rows = 0
        for path in sorted(self.path.iterdir()):
            if path.name in OWN_NAMES:
                continue
            try:
                found.append(self._described(path))
            except Torn as error:
                self._report("torn", f"spool: {path.name} was not finished and is removed: {error}")
                path.unlink()
            except Foreign as error:
                damaged_rows += error.rows
                self._set_aside(path, DAMAGED, str(error))
            except OSError as error:
                self._set_aside(path, DAMAGED, str(error.strerror))
        return found, damaged_rows

    def write(self, sequence: int, batch: Batch, cut_us: int) -> Stored:
        """Store a batch so that it outlives a loss of power. Raises OSError, with nothing left behind."""
        path = self.path / file_name(sequence)
        parts = encode(batch, cut_us)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            try:
                for part in parts:
                    _write_all(descriptor, part)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._flush_folder()
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        return Stored(sequence, batch.table, batch.rows, sum(map(len, parts)), cut_us)

    def read(self, stored: Stored) -> Batch:
        """A batch that was written. Raises Foreign, also when it is gone, and OSError."""
        try:
            return decode((self.path / file_name(stored.sequence)).read_bytes())
        except FileNotFoundError as error:
            raise Foreign("somebody removed it", stored.rows) from error
        except Torn as error:
            raise Foreign(f"it was cut: {error}", stored.rows) from error

    def remove(self, stored: Stored) -> None:
        """Forget a batch."""
        (self.path / file_name(stored.sequence)).unlink(missing_ok=True)

    def reject(self, sequence: int, batch: Batch, cut_us: int, reason: str) -> None:
        """Set aside a batch that the database refuses, on disk yet or not. Raises OSError."""
        path = self.path / file_name(sequence)
        if not path.exists():
            self.write(sequence, batch, cut_us)
        self._set_aside(path, REJECTED, reason)

    def set_aside_damaged(self, stored: Stored, reason: str) -> None:
        """Keep a file that no longer holds its batch."""
        self._set_aside(self.path / file_name(stored.sequence), DAMAGED, reason)

    def _described(self, path: Path) -> Stored:
        sequence = maybe_sequence(path.name)
        if sequence is None or not path.is_file() or path.is_symlink():
            raise Foreign("no file of a spool has this name")
        with path.open("rb") as file:
            found: Description = describe(file.read(MAX_HEADER_BYTES), os.fstat(file.fileno()).st_size)
        header = found.header
        return Stored(sequence, header.table, header.rows, found.file_bytes, header.cut_us)

    def _set_aside(self, path: Path, folder: str, reason: str) -> None:
        kept = self.path / folder
        target = kept / path.name
        number = 1
        while target.exists():
            target = kept / f"{path.name}.{number}"
            number += 1
        try:
            path.rename(target)
            self._report(folder, f"spool: {path.name} is set aside in {kept}: {reason}")
            self._bound(kept)
        except OSError as error:
            self._report(folder, f"spool: {path.name} cannot be set aside ({error.strerror}): {reason}")

    def _bound(self, folder: Path) -> None:
        """Keep the newest files of those set aside."""
        with_sizes = [(path, size) for path in sorted(folder.iterdir()) for size in _sizes(path)]
        total = sum(size for _, size in with_sizes)
        count = len(with_sizes)
        for path, size in with_sizes:
            if total <= self._max_set_aside_bytes and count <= MAX_SET_ASIDE_FILES:
                break
            path.unlink()
            total, count = total - size, count - 1

    def _flush_folder(self) -> None:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, part: bytes) -> None:
    rest = memoryview(part)
    while rest:
        written = os.write(descriptor, rest)
        if written == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rest = rest[written:]


def _sizes(path: Path) -> Iterator[int]:
    """Size of a file; nothing for what is none."""
    if path.is_file() and not path.is_symlink():
        yield path.stat().st_size

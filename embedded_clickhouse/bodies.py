"""Reads request bodies: framing, the limit on their size, and the file that an insert's rows go to."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from embedded_clickhouse.errors import BAD_ARGUMENTS, NOT_ENOUGH_SPACE, REQUEST_TOO_LARGE, refusal

MAX_BODY_BYTES = 512 * 2**20
# Rows up to this size stay in memory; larger bodies go to a file beside the data.
MAX_MEMORY_BYTES = 32 * 2**20
READ_BYTES = 256 * 2**10
MAX_CHUNK_LINE_BYTES = 1024


class FramingError(Exception):
    """The body does not follow its HTTP framing, so the connection cannot be used any more."""


def body_chunks(
    stream: BinaryIO, content_length: str | None, transfer_encoding: str | None
) -> Iterator[bytes]:
    """The body as it arrives, at most 256 KiB at a time.

    Raises FramingError if it ends early or is malformed.
    """
    if transfer_encoding is not None:
        if transfer_encoding.strip().lower() != "chunked":
            raise FramingError(f"transfer encoding {transfer_encoding!r} is not supported")
        return _chunked(stream)
    if content_length is None:
        return iter(())
    if not content_length.isascii() or not content_length.isdigit():
        raise FramingError("Content-Length is not a number")
    return _sized(stream, int(content_length))


def _sized(stream: BinaryIO, remaining: int) -> Iterator[bytes]:
    while remaining > 0:
        piece = stream.read(min(READ_BYTES, remaining))
        if not piece:
            raise FramingError(f"the body ended {remaining} bytes early")
        remaining -= len(piece)
        yield piece


def _chunked(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        size_text = _line(stream).partition(b";")[0].strip()
        try:
            size = int(size_text, 16)
        except ValueError as error:
            raise FramingError("a chunk's size is not a number") from error
        if size < 0:
            raise FramingError("a chunk's size is negative")
        if size == 0:
            break
        yield from _sized(stream, size)
        if _line(stream):
            raise FramingError("a chunk does not end where its size says")
    while _line(stream):
        pass


def _line(stream: BinaryIO) -> bytes:
    line = stream.readline(MAX_CHUNK_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise FramingError("a line of the chunked body is cut off or too long")
    return line.rstrip(b"\r\n")


def limited(chunks: Iterable[bytes], limit_bytes: int) -> Iterator[bytes]:
    """`chunks`, refused with code 307 once they exceed `limit_bytes`."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limit_bytes:
            raise refusal(REQUEST_TOO_LARGE, f"The request body is larger than {limit_bytes} bytes")
        yield chunk


class RowsFile:
    """The rows of one insert, in memory or beyond 32 MiB in an unlinked file, with a path for the engine.

    A context manager: the file is gone when it is left. Raises QueryError 243 if the disk is full.
    """

    def __init__(self, spool_directory: Path) -> None:
        self._directory = spool_directory
        self._descriptor = os.memfd_create("insert-rows", os.MFD_CLOEXEC)
        self._size = 0
        self._is_on_disk = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    @property
    def path(self) -> str:
        """Path under which this process can open the rows."""
        return f"/proc/self/fd/{self._descriptor}"

    def write(self, piece: bytes) -> None:
        """Append `piece`."""
        if not self._is_on_disk and self._size + len(piece) > MAX_MEMORY_BYTES:
            self._move_to_disk()
        view = memoryview(piece)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise _full_disk(error) from error
        self._size += len(piece)

    def _move_to_disk(self) -> None:
        try:
            with (
                tempfile.TemporaryFile(dir=self._directory) as target,
                os.fdopen(os.dup(self._descriptor), "rb") as rows,
            ):
                rows.seek(0)
                shutil.copyfileobj(rows, target, READ_BYTES)
                target.flush()
                moved = os.dup(target.fileno())
        except OSError as error:
            raise _full_disk(error) from error
        os.close(self._descriptor)
        self._descriptor = moved
        self._is_on_disk = True


def _full_disk(error: OSError) -> Exception:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return refusal(NOT_ENOUGH_SPACE, f"Cannot keep the rows of the insert: {error.strerror}")
    return error


def first_bytes(chunks: Iterator[bytes], limit_bytes: int) -> bytes:
    """At least `limit_bytes` of the body, or all of it if it is shorter."""
    pieces: list[bytes] = []
    size = 0
    for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size >= limit_bytes:
            break
    return b"".join(pieces)


def all_bytes(chunks: Iterable[bytes], limit_bytes: int) -> bytes:
    """The rest of a body that must be small. Raises QueryError 36 beyond `limit_bytes`."""
    pieces: list[bytes] = []
    size = 0
    for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size > limit_bytes:
            raise refusal(BAD_ARGUMENTS, f"The statement is larger than {limit_bytes} bytes")
    return b"".join(pieces)

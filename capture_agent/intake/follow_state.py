"""Where a follower stopped reading, kept in a small file that is never half written."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

MAX_STATE_BYTES = 64 << 10


class FilePosition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file, told by its inode and its first bytes, and how much of it has been read."""

    device: int
    inode: int
    offset: int
    """Where the first line begins that was not read."""
    head: bytes
    """The first bytes, as many as there were when it was opened: an inode is soon used again."""


class Positions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The files of one followed path: the one under its name last, those rotated away before it."""

    files: tuple[FilePosition, ...]


_decoder = msgspec.json.Decoder(Positions)


def encode_positions(positions: Positions) -> bytes:
    """As they are kept."""
    return msgspec.json.encode(positions)


def load_positions(path: Path) -> Positions | None:
    """What was kept; None if there is nothing. Raises OSError, and ValueError for what no follower wrote."""
    try:
        with path.open("rb") as file:
            return _decoder.decode(file.read(MAX_STATE_BYTES))
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: {error}") from error


def keep_positions(path: Path, encoded: bytes) -> None:
    """Replace what was kept, all or nothing, also if the machine stops. Raises OSError."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, encoded)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.rename(path)

"""The data directory belongs to one process at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

LOCK_NAME = "gateway.lock"


class DirectoryHeldError(Exception):
    """Another process has the data directory; the message names it."""


def hold(home: Path) -> int:
    """Make `home` if needed and lock it for the life of this process; gives the lock's descriptor.

    The engine would refuse a second process too, but without a message. Raises DirectoryHeldError.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise DirectoryHeldError(
            f"the data directory {home} is held by process {holder}; stop it or give another --path"
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor

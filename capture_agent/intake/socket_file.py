"""Makes the file of a listening UNIX socket, with its rights, in place of one that a dead process left."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path


class UnusableSocketPath(Exception):  # noqa: N818 - named for the path that it refuses
    """A socket cannot be made there; the text names the path and says why."""


@dataclass(frozen=True, slots=True)
class SocketAccess:
    """Who may send. Connecting to a UNIX socket, and sending to one, takes the right to write to its file."""

    mode: int = 0o660
    group: str | None = None
    """The web server's group; None leaves the agent's own."""


class SocketFile:
    """A bound socket. Its file has the right mode and group before it appears under its name."""

    def __init__(self, path: Path, kind: socket.SocketKind, access: SocketAccess) -> None:
        """Bind; raises UnusableSocketPath if another process listens there, or it is no socket."""
        self.path = path
        self._lock = _lock_beside(path)
        self.socket = socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            _refuse_what_is_not_stale(path, kind)
            self._bind(access)
        except OSError as error:
            self._release()
            raise UnusableSocketPath(f"{path}: {error.strerror or error}") from error
        except (UnusableSocketPath, LookupError) as error:
            self._release()
            raise UnusableSocketPath(str(error)) from error
        self._inode = path.stat().st_ino

    def _bind(self, access: SocketAccess) -> None:
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        # Linux gives the file the socket's own mode, so at no time can anyone else write to it.
        os.fchmod(self.socket.fileno(), 0o600)
        self.socket.bind(str(fresh))
        try:
            if access.group is not None:
                os.chown(fresh, -1, group_id(access.group))
            fresh.chmod(access.mode)
            fresh.rename(self.path)
        except (OSError, LookupError):
            fresh.unlink(missing_ok=True)
            raise

    def close(self) -> None:
        """Close the socket and remove its file, unless another process has replaced it."""
        with contextlib.suppress(OSError):
            if self.path.lstat().st_ino == self._inode:
                self.path.unlink()
        self._release()

    def _release(self) -> None:
        self.socket.close()
        os.close(self._lock)


def group_id(group: str) -> int:
    """Number of a group; raises LookupError naming it."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise LookupError(f"there is no group {group!r}") from error


def _lock_beside(path: Path) -> int:
    """Hold `PATH.lock`: two agents that start together must not both take the file for stale."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise UnusableSocketPath(f"{path}.lock: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise UnusableSocketPath(f"{path}: another process holds its lock, {path}.lock") from error
    return lock


def _refuse_what_is_not_stale(path: Path, kind: socket.SocketKind) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise UnusableSocketPath(f"{path}: exists and is no socket")
    with socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
    raise UnusableSocketPath(f"{path}: another process listens there")

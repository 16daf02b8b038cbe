"""Gives up root: the agent goes on as an unprivileged user that may open packet sockets and nothing else.

capabilities(7) and prctl(2). Capabilities belong to threads, so this is done before the first one is started.
"""

from __future__ import annotations

import ctypes
import grp
import os
import pwd
import struct
from collections.abc import Iterable
from pathlib import Path

CAP_NET_RAW = 13
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 8, 24, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
CAPABILITY_VERSION_3 = 0x20080522
"""Linux include/uapi/linux/capability.h, as the numbers above and of include/uapi/linux/prctl.h."""
LAST_CAPABILITY = Path("/proc/sys/kernel/cap_last_cap")

_libc = ctypes.CDLL(None, use_errno=True)


class PrivilegesKept(Exception):  # noqa: N818 - named for what happened
    """The agent cannot become the user of its settings; the text says why."""


def make_folders(user: str, folders: Iterable[Path]) -> None:
    """Make those that are missing, as root for `user`. Raises PrivilegesKept."""
    account = _account(user)
    if os.geteuid() != 0:
        return
    try:
        for folder in folders:
            if not folder.exists():
                folder.mkdir(mode=0o750, parents=True)
                os.chown(folder, account.pw_uid, account.pw_gid)
    except OSError as error:
        raise PrivilegesKept(f"{error.filename}: {error.strerror}") from error


def become(user: str) -> None:
    """Go on as `user` with CAP_NET_RAW alone, for good. Raises PrivilegesKept.

    Started as that user already, without root, the agent has what its starter gave it, and only gives up the
    way to more.
    """
    account = _account(user)
    try:
        if os.geteuid() == 0 and account.pw_uid != 0:
            _become(account)
        elif os.geteuid() != account.pw_uid:
            raise PrivilegesKept(
                f"agent.user is {user!r}, but only root can become another user: start the agent as root, or "
                f"as {user!r} with the capability CAP_NET_RAW"
            )
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
    except OSError as error:
        raise PrivilegesKept(f"agent.user: cannot become {user!r}: {error.strerror}") from error


def _account(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError as error:
        raise PrivilegesKept(f"agent.user: there is no user {user!r}") from error


def _become(account: pwd.struct_passwd) -> None:
    for capability in range(int(LAST_CAPABILITY.read_text()) + 1):
        if capability != CAP_NET_RAW:
            _prctl(PR_CAPBSET_DROP, capability)
    _prctl(PR_SET_KEEPCAPS, 1)
    os.initgroups(account.pw_name, account.pw_gid)
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    _set_capabilities(1 << CAP_NET_RAW)
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)


def described() -> str:
    """User and group of this process, for the log."""
    try:
        return f"{pwd.getpwuid(os.geteuid()).pw_name}:{grp.getgrgid(os.getegid()).gr_name}"
    except KeyError:
        return f"{os.geteuid()}:{os.getegid()}"


def _set_capabilities(mask: int) -> None:
    """Effective and permitted, none inheritable; of the calling thread."""
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    low, high = mask & 0xFFFF_FFFF, mask >> 32
    _checked(_libc.capset(header, struct.pack("=6I", low, low, 0, high, high, 0)))


def _prctl(option: int, argument: int) -> None:
    _checked(_libc.prctl(option, *map(ctypes.c_ulong, (argument, 0, 0, 0))))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

"""The file with the key of pseudonyms: read only if nobody but the agent's user could have read it."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from capture_agent.rows.client_names import AS_SEEN, ClientNames
from capture_agent.settings.whole import Settings

if TYPE_CHECKING:
    from capture_agent.rows.pseudonyms import Pseudonyms

KEY = "privacy.pseudonym_key_file"
MIN_BYTES, MAX_BYTES = 32, 4_096
MIN_DIFFERENT_BYTES = 8
"""Of 32 random hex digits, fewer are different less than once in 10^7 times; of a file of zeros, one is."""
OTHERS = stat.S_IRWXG | stat.S_IRWXO
REMEDY = "make one with: head -c 32 /dev/urandom"


class UnusableKeyFile(ValueError):  # noqa: N818 - named for what it refuses
    """A file that must not or cannot serve as the key; the text names it, says why and what to do."""


def client_names(settings: Settings) -> ClientNames:
    """How rows name clients under these settings. Raises UnusableKeyFile."""
    return maybe_pseudonyms(settings) or AS_SEEN


def maybe_pseudonyms(settings: Settings) -> Pseudonyms | None:
    """The pseudonyms of these settings; None if clients keep their addresses. Raises UnusableKeyFile."""
    privacy = settings.privacy
    if privacy.pseudonym_key_file is None:
        return None
    secret = read_key(privacy.pseudonym_key_file, settings.agent.user)
    # Not imported at the top: AES takes longer to load than a small recording to replay.
    from capture_agent.rows.pseudonyms import Pseudonyms

    return Pseudonyms(secret, kept_bits_v4=privacy.keep_bits_v4, kept_bits_v6=privacy.keep_bits_v6)


def read_key(path: Path, user: str | None) -> bytes:
    """The content of a key file that the agent's user alone can use: `user`, else the one of this process.

    Root without a `user` may only look on behalf of the agent, so to root any owner is right.
    Raises UnusableKeyFile.
    """
    try:
        # Not to wait for a writer, should the name be that of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            # What was opened is what is judged: a name could stand for another file a moment later.
            _check(path, os.fstat(file.fileno()), user)
            secret = file.read(MAX_BYTES + 1)
    except PermissionError as error:
        raise UnusableKeyFile(f"{path}: cannot be read: chown it to the agent's user") from error
    except OSError as error:
        raise UnusableKeyFile(f"{path}: {error.strerror}") from error
    if len(secret) < MIN_BYTES:
        raise UnusableKeyFile(f"{path}: holds {len(secret)} bytes, a key has {MIN_BYTES} or more; {REMEDY}")
    if len(secret) > MAX_BYTES:
        raise UnusableKeyFile(f"{path}: holds more than {MAX_BYTES} bytes; {REMEDY}")
    if len(set(secret)) < MIN_DIFFERENT_BYTES:
        raise UnusableKeyFile(f"{path}: holds few different bytes, so it is not random; {REMEDY}")
    return secret


def _check(path: Path, found: os.stat_result, user: str | None) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UnusableKeyFile(f"{path}: is no file; {REMEDY}")
    if found.st_mode & OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise UnusableKeyFile(f"{path}: others can use it (mode {mode:04o}): chmod 600, and make a new key")
    owner_id = _maybe_owner_id(user)
    if owner_id is not None and found.st_uid != owner_id:
        name = user or pwd.getpwuid(owner_id).pw_name
        raise UnusableKeyFile(f"{path}: belongs to user {found.st_uid}: chown {name}, and make a new key")


def _maybe_owner_id(user: str | None) -> int | None:
    """Whose file it must be; None if that cannot be told."""
    if user is None:
        return os.geteuid() or None
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        # Reported as a fault of its own setting.
        return None

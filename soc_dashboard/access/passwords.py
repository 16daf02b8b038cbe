"""Passwords: how they are kept, which ones are taken, and one-time ones."""

from __future__ import annotations

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 12
"""NIST SP 800-63B asks for 8 at least; a sign-in without a second factor deserves more."""
MAX_LENGTH = 256
MIN_DISTINCT = 5
SHORTEST_NAME = 3
"""Shorter ones are in many a good password by chance."""
HASHES_AT_ONCE = 2
"""Each takes 64 MiB for a moment: a burst of sign-ins waits and does not fill the memory."""
ONE_TIME_GROUPS = 4
# Without characters that are taken for one another when a person types them off a terminal.
_ONE_TIME_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class PasswordRefusedError(ValueError):
    """A password that is not taken; the message is for the person who chose it."""


class PasswordHashes:
    """Argon2id hashes with the second recommended parameters of RFC 9106 (64 MiB, 3 passes)."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._places = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))

    def hashed(self, password: str) -> str:
        """The hash to keep; blocks for some 50 ms."""
        with self._places:
            return self._hasher.hash(password)

    def is_right(self, maybe_hash: str | None, password: str) -> bool:
        """Whether `password` has this hash; blocks for some 50 ms.

        Without a hash, because nobody has the name that was typed, it takes as long and is false: the time
        of an answer tells nobody which names exist.
        """
        with self._places:
            try:
                self._hasher.verify(maybe_hash or self._nobody, password)
            except (VerificationError, InvalidHashError):
                return False
        return maybe_hash is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether the hash was made with parameters that are no longer those of today."""
        return self._hasher.check_needs_rehash(kept)


def checked_password(password: str, name: str) -> str:
    """The password, if it is taken for the user `name`. Raises PasswordRefusedError."""
    if len(password) < MIN_LENGTH:
        raise PasswordRefusedError(f"a password has at least {MIN_LENGTH} characters")
    if len(password) > MAX_LENGTH:
        raise PasswordRefusedError(f"a password has at most {MAX_LENGTH} characters")
    if len(set(password)) < MIN_DISTINCT:
        raise PasswordRefusedError(f"a password has at least {MIN_DISTINCT} different characters")
    if len(name) >= SHORTEST_NAME and name.casefold() in password.casefold():
        raise PasswordRefusedError("a password does not contain the user's name")
    return password


def one_time_password() -> str:
    """A random password of 79 bits, in groups that a person can type."""
    groups = ("".join(secrets.choice(_ONE_TIME_ALPHABET) for _ in range(4)) for _ in range(ONE_TIME_GROUPS))
    return "-".join(groups)

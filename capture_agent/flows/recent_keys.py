"""Remembers connections that just ended, so that their last stray segments open no new epoch."""

from __future__ import annotations

MAX_KEYS = 16_384
"""Keys of each of the two generations: two minutes of a busy server, 3 MB."""


class RecentKeys:
    """A set that forgets: keys live for one to two rotations."""

    def __init__(self) -> None:
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()

    def __contains__(self, key: bytes) -> bool:
        return key in self._young or key in self._old

    def add(self, key: bytes) -> None:
        """Remember `key`; rotates when a generation is full."""
        if len(self._young) >= MAX_KEYS:
            self.rotate()
        self._young.add(key)

    def add_old(self, key: bytes) -> None:
        """Remember `key` until the next rotation only."""
        if len(self._old) < MAX_KEYS:
            self._old.add(key)

    def rotate(self) -> None:
        """Forget the older generation."""
        self._old = self._young
        self._young = set()

"""Encrypts what the agent must remember of real addresses where its rows hold pseudonyms."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from capture_agent.correlate.open_connections import UnusableHandover

MAGIC = b"ja4-agent sealed 1\n"
NONCE_BYTES = 12
TAG_BYTES = 16


class StateSeal:
    """AES-256-GCM under a key that comes from that of the pseudonyms."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, octets: bytes) -> bytes:
        """Octets that nobody reads, or changes unnoticed, without the key."""
        nonce = os.urandom(NONCE_BYTES)
        return MAGIC + nonce + self._cipher.encrypt(nonce, octets, MAGIC)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed; raises UnusableHandover."""
        if not sealed.startswith(MAGIC):
            raise UnusableHandover("not sealed: written while clients had no pseudonyms")
        nonce = sealed[len(MAGIC) : len(MAGIC) + NONCE_BYTES]
        body = sealed[len(MAGIC) + NONCE_BYTES :]
        if len(body) < TAG_BYTES:
            raise UnusableHandover("damaged")
        try:
            return self._cipher.decrypt(nonce, body, MAGIC)
        except InvalidTag as error:
            raise UnusableHandover("damaged, or sealed under another key of pseudonyms") from error

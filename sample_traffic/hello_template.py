"""A recorded ClientHello that can be sent again: all bytes as recorded but the ones named here.

Refreshed for each connection: random, session id, and the X25519 public key of key_share. Rewritten: the
host name in server_name, only by a name of the same length, so that no length, no padding and no
fingerprint moves. Extensions, their order, GREASE, ECH and post-quantum key shares stay as recorded.
Layout: RFC 8446 section 4.1.2.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from sample_traffic.recorded import Handshake

RECORDED_HOST = b"shop.test"

_RANDOM_AT = 5 + 4 + 2
_SESSION_ID_LENGTH_AT = _RANDOM_AT + 32
_SERVER_NAME, _KEY_SHARE = 0x0000, 0x0033
_X25519 = 0x001D


@dataclass(frozen=True, slots=True)
class HelloTemplate:
    """One recorded hello and the places in it that may change."""

    handshake: Handshake
    ja4: str
    """JA4 of the recording, from `recording/labels.tsv`."""
    refreshed: tuple[tuple[int, int], ...]
    """(offset, length) in the record of each field that gets fresh random bytes."""
    host_at: int | None
    """Offset of the host name in the record; None if the client sent no server_name."""

    def record_for(self, host: bytes, rng: random.Random) -> bytes:
        """The record as this client would send it to `host`.

        Raises ValueError if `host` is not as long as the recorded name.
        """
        if len(host) != len(RECORDED_HOST):
            raise ValueError(f"{host!r} is not {len(RECORDED_HOST)} bytes long")
        record = bytearray(self.handshake.hello_record)
        for offset, length in self.refreshed:
            record[offset : offset + length] = rng.randbytes(length)
        if self.host_at is not None:
            record[self.host_at : self.host_at + len(host)] = host
        return bytes(record)


def template_of(handshake: Handshake, ja4: str) -> HelloTemplate:
    """Find the places of a recorded hello that `record_for` may change."""
    record = handshake.hello_record
    session_id_length = record[_SESSION_ID_LENGTH_AT]
    refreshed = [(_RANDOM_AT, 32)]
    if session_id_length:
        refreshed.append((_SESSION_ID_LENGTH_AT + 1, session_id_length))
    host_at = None
    for kind, at, length in _extensions(record, _SESSION_ID_LENGTH_AT + 1 + session_id_length):
        if kind == _SERVER_NAME:
            host_at = record.index(RECORDED_HOST, at, at + length)
        elif kind == _KEY_SHARE:
            refreshed.extend(_x25519_keys(record, at + 2, at + length))
    return HelloTemplate(handshake=handshake, ja4=ja4, refreshed=tuple(refreshed), host_at=host_at)


def _extensions(record: bytes, at: int) -> list[tuple[int, int, int]]:
    """(type, offset of body, length) of each extension; `at` is the offset of cipher_suites."""
    at += 2 + _uint16(record, at)
    at += 1 + record[at]
    end = at + 2 + _uint16(record, at)
    at += 2
    found = []
    while at < end:
        length = _uint16(record, at + 2)
        found.append((_uint16(record, at), at + 4, length))
        at += 4 + length
    return found


def _x25519_keys(record: bytes, at: int, end: int) -> list[tuple[int, int]]:
    """(offset, length) of the X25519 public keys among the key shares."""
    keys = []
    while at < end:
        group, length = _uint16(record, at), _uint16(record, at + 2)
        if group == _X25519:
            keys.append((at + 4, length))
        at += 4 + length
    return keys


def _uint16(record: bytes, at: int) -> int:
    return int.from_bytes(record[at : at + 2], "big")

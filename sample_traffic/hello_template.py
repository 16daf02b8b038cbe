"""A recorded ClientHello that can be sent again: all bytes as recorded but the ones named here.

Refreshed for each connection: random, session id, the X25519 public key of key_share, and what
pre_shared_key holds (no two clients can have the same ticket). Rewritten: the host name in server_name,
only by a name of the same length, so that no length, no padding and no fingerprint moves. Extensions,
their order, GREASE, ECH and post-quantum key shares stay as recorded. Layout: RFC 8446 section 4.1.2.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from capture_agent.events import Transport
from capture_agent.fingerprint.ja4 import ja4_of
from capture_agent.wire.client_hello import parse_client_hello
from sample_traffic.recorded import Handshake

RECORDED_HOST = b"shop.test"

_MESSAGE_AT = 5
_RANDOM_AT = _MESSAGE_AT + 4 + 2
_SESSION_ID_LENGTH_AT = _RANDOM_AT + 32
_SERVER_NAME, _PRE_SHARED_KEY, _KEY_SHARE = 0x0000, 0x0029, 0x0033
_X25519 = 0x001D


@dataclass(frozen=True, slots=True)
class HelloTemplate:
    """One recorded hello and the places in it that may change."""

    handshake: Handshake
    ja4_stable: str
    """JA4 without the extensions that come and go; half of an entity's name."""
    resumes: bool
    """It offers a ticket of an earlier connection (pre_shared_key)."""
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


def template_of(handshake: Handshake) -> HelloTemplate:
    """Find the places of a recorded hello that `record_for` may change."""
    record = handshake.hello_record
    session_id_length = record[_SESSION_ID_LENGTH_AT]
    refreshed = [(_RANDOM_AT, 32)]
    if session_id_length:
        refreshed.append((_SESSION_ID_LENGTH_AT + 1, session_id_length))
    host_at, resumes = None, False
    for kind, at, length in _extensions(record, _SESSION_ID_LENGTH_AT + 1 + session_id_length):
        if kind == _SERVER_NAME:
            host_at = record.index(RECORDED_HOST, at, at + length)
        elif kind == _KEY_SHARE:
            refreshed.extend(_x25519_keys(record, at + 2, at + length))
        elif kind == _PRE_SHARED_KEY:
            resumes = True
            refreshed.extend(_tickets_and_binders(record, at))
    return HelloTemplate(
        handshake=handshake,
        ja4_stable=ja4_of(parse_client_hello(record[_MESSAGE_AT:]), Transport.TCP).ja4_stable,
        resumes=resumes,
        refreshed=tuple(refreshed),
        host_at=host_at,
    )


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


def _tickets_and_binders(record: bytes, at: int) -> list[tuple[int, int]]:
    """(offset, length) of each identity, obfuscated ticket age and binder (RFC 8446 section 4.2.11)."""
    fields = []
    identities_end = at + 2 + _uint16(record, at)
    at += 2
    while at < identities_end:
        length = _uint16(record, at)
        fields.append((at + 2, length + 4))
        at += 2 + length + 4
    binders_end = at + 2 + _uint16(record, at)
    at += 2
    while at < binders_end:
        fields.append((at + 1, record[at]))
        at += 1 + record[at]
    return fields


def _uint16(record: bytes, at: int) -> int:
    return int.from_bytes(record[at : at + 2], "big")

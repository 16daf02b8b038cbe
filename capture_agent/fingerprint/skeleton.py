"""The skeleton of a ClientHello: its message with every length intact and noise and secrets blanked.

What is blanked can neither be compressed nor be kept (keys, tickets, identities); what stays is all that
a fingerprint reads. The skeleton is itself a valid message, so new rules are computed from old rows.
"""

from __future__ import annotations

from collections.abc import Callable

from capture_agent.wire import registry
from capture_agent.wire.client_hello import SESSION_ID_OFFSET, ClientHello
from capture_agent.wire.cursor import Cursor
from capture_agent.wire.errors import Malformed

_RANDOM_OFFSET = 6
_INITIAL_SOURCE_CONNECTION_ID = 0x0F

Range = tuple[int, int]
"""Start and stop of a part of a message."""


def skeleton(hello: ClientHello, message: bytes) -> bytes:
    """`message`, from which `hello` was parsed, with its noise zeroed: same length, same structure."""
    return blanked(message, noise(hello))


def blanked(message: bytes, ranges: list[Range]) -> bytes:
    """`message` with these ranges zeroed."""
    blank = bytearray(message)
    for start, stop in ranges:
        blank[start:stop] = bytes(stop - start)
    return bytes(blank)


def noise(hello: ClientHello) -> list[Range]:
    """(start, stop) of everything that is blanked in the message of which `hello` was parsed, in order."""
    ranges = [(_RANDOM_OFFSET, SESSION_ID_OFFSET)]
    pos = SESSION_ID_OFFSET + 1
    if hello.session_id:
        ranges.append((pos, pos + len(hello.session_id)))
        pos += len(hello.session_id)
    if hello.cookie is not None:
        pos += 1
        if hello.cookie:
            ranges.append((pos, pos + len(hello.cookie)))
            pos += len(hello.cookie)
    pos += 2 + 2 * len(hello.cipher_suites) + 1 + len(hello.compression_methods) + 2
    for kind, body in hello.extensions or ():
        pos += 4
        if kind in _NOISE and body:
            ranges += _NOISE[kind](body, pos)
        pos += len(body)
    return ranges


# Each reader is given a body and its place, and gives what is to be blanked in it: all but what it knows may
# stay, so that a body which breaks its own grammar loses its rest instead of leaking the secret in it.


def _nothing_stays(body: bytes, at: int) -> list[Range]:
    """padding, session_ticket, encrypted_server_name, the SRP user name."""
    return [(at, at + len(body))]


def _length16_stays(body: bytes, at: int) -> list[Range]:
    """cookie (RFC 8446 section 4.2.2)."""
    return [(at + 2, at + len(body))] if len(body) > 2 else []


def _length8_stays(body: bytes, at: int) -> list[Range]:
    """connection_id (RFC 9146), renegotiation_info (RFC 5746)."""
    return [(at + 1, at + len(body))] if len(body) > 1 else []


def _groups_stay(body: bytes, at: int) -> list[Range]:
    """key_share: group and length of each key exchange stay (RFC 8446 section 4.2.8)."""
    ranges = []
    pos, size = 2, len(body)
    while pos + 4 <= size:
        stop = pos + 4 + (body[pos + 2] << 8 | body[pos + 3])
        ranges.append((at + pos + 4, at + min(stop, size)))
        pos = stop
    if pos < size:
        ranges.append((at + pos, at + size))
    return ranges


def _psk_lengths_stay(body: bytes, at: int) -> list[Range]:
    """pre_shared_key: lengths of identities and binders stay (RFC 8446 section 4.2.11)."""
    ranges = []
    size = len(body)
    pos = 2
    identities_end = pos + int.from_bytes(body[:2], "big")
    while pos + 2 <= min(identities_end, size):
        stop = pos + 2 + (body[pos] << 8 | body[pos + 1]) + 4
        ranges.append((at + pos + 2, at + min(stop, size)))
        pos = stop
    if pos == identities_end and pos + 2 <= size:
        pos += 2
        while pos < size:
            stop = pos + 1 + body[pos]
            ranges.append((at + pos + 1, at + min(stop, size)))
            pos = stop
    elif pos < size:
        ranges.append((at + pos, at + size))
    return ranges


def _ech_suite_stays(body: bytes, at: int) -> list[Range]:
    """encrypted_client_hello: type, suite and the lengths of enc and payload stay (RFC 9849 section 5)."""
    size = len(body)
    if body[0] != 0 or size < 8:
        return [(at + 1, at + size)]
    payload = 8 + (body[6] << 8 | body[7])
    if payload + 2 > size:
        return [(at + 5, at + 6), (at + 8, at + size)]
    return [(at + 5, at + 6), (at + 8, at + payload), (at + payload + 2, at + size)]


def _transport_settings_stay(body: bytes, at: int) -> list[Range]:
    """quic_transport_parameters: all but the connection id stays (RFC 9000 section 18)."""
    ranges = []
    cursor = Cursor(body)
    start = 0
    try:
        while cursor.remaining:
            start = cursor.pos
            kind = cursor.varint("parameter id")
            size = cursor.varint("parameter length")
            value = cursor.pos
            cursor.skip(size, "parameter")
            if kind == _INITIAL_SOURCE_CONNECTION_ID:
                ranges.append((at + value, at + cursor.pos))
    except Malformed:
        ranges.append((at + start, at + len(body)))
    return ranges


_NOISE: dict[int, Callable[[bytes, int], list[Range]]] = {
    registry.EXT_PADDING: _nothing_stays,
    registry.EXT_SESSION_TICKET: _nothing_stays,
    registry.EXT_SRP: _nothing_stays,
    registry.EXT_ENCRYPTED_SERVER_NAME: _nothing_stays,
    registry.EXT_COOKIE: _length16_stays,
    registry.EXT_CONNECTION_ID: _length8_stays,
    registry.EXT_CONNECTION_ID_DRAFT: _length8_stays,
    registry.EXT_RENEGOTIATION_INFO: _length8_stays,
    registry.EXT_KEY_SHARE: _groups_stay,
    registry.EXT_KEY_SHARE_DRAFT: _groups_stay,
    registry.EXT_PRE_SHARED_KEY: _psk_lengths_stay,
    registry.EXT_ENCRYPTED_CLIENT_HELLO: _ech_suite_stays,
    registry.EXT_QUIC_TRANSPORT_PARAMETERS: _transport_settings_stay,
    registry.EXT_QUIC_TRANSPORT_PARAMETERS_DRAFT: _transport_settings_stay,
}

BLANKED_EXTENSIONS = frozenset(_NOISE)
"""Extension types of whose bodies something is blanked; docs/reference/fingerprints.md lists what."""

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


def skeleton(hello: ClientHello, message: bytes) -> bytes:
    """`message`, from which `hello` was parsed, with its noise zeroed: same length, same structure."""
    blank = bytearray(message)
    cookie_bytes = 0 if hello.cookie is None else 1 + len(hello.cookie)
    blank[_RANDOM_OFFSET:SESSION_ID_OFFSET] = bytes(SESSION_ID_OFFSET - _RANDOM_OFFSET)
    if hello.session_id:
        start = SESSION_ID_OFFSET + 1
        blank[start : start + len(hello.session_id)] = bytes(len(hello.session_id))
    if hello.cookie:
        start = SESSION_ID_OFFSET + 1 + len(hello.session_id) + 1
        blank[start : start + len(hello.cookie)] = bytes(len(hello.cookie))
    if hello.extensions:
        pos = (
            SESSION_ID_OFFSET
            + 1
            + len(hello.session_id)
            + cookie_bytes
            + 2
            + 2 * len(hello.cipher_suites)
            + 1
            + len(hello.compression_methods)
            + 2
        )
        for kind, body in hello.extensions:
            pos += 4
            stop = pos + len(body)
            if body and kind in _BLANKERS:
                blank[pos:stop] = _BLANKERS[kind](body)
            pos = stop
    return bytes(blank)


# Each blanker returns a body of the same length. It starts from zeros and copies back what may stay, so
# that a body which breaks its own grammar loses its rest instead of leaking the secret in it.


def _nothing_stays(body: bytes) -> bytes:
    """padding, session_ticket, encrypted_server_name, the SRP user name."""
    return bytes(len(body))


def _length16_stays(body: bytes) -> bytes:
    """cookie (RFC 8446 section 4.2.2)."""
    return body[:2] + bytes(max(len(body) - 2, 0))


def _length8_stays(body: bytes) -> bytes:
    """connection_id (RFC 9146), renegotiation_info (RFC 5746)."""
    return body[:1] + bytes(len(body) - 1)


def _groups_stay(body: bytes) -> bytes:
    """key_share: group and length of each key exchange stay (RFC 8446 section 4.2.8)."""
    kept = bytearray(len(body))
    kept[:2] = body[:2]
    pos = 2
    while pos + 4 <= len(body):
        kept[pos : pos + 4] = body[pos : pos + 4]
        pos += 4 + (body[pos + 2] << 8 | body[pos + 3])
    return bytes(kept)


def _psk_lengths_stay(body: bytes) -> bytes:
    """pre_shared_key: lengths of identities and binders stay (RFC 8446 section 4.2.11)."""
    kept = bytearray(len(body))
    kept[:2] = body[:2]
    pos = 2
    identities_end = pos + int.from_bytes(body[:2], "big")
    while pos + 2 <= min(identities_end, len(body)):
        kept[pos : pos + 2] = body[pos : pos + 2]
        pos += 2 + (body[pos] << 8 | body[pos + 1]) + 4
    if pos == identities_end and pos + 2 <= len(body):
        kept[pos : pos + 2] = body[pos : pos + 2]
        pos += 2
        while pos < len(body):
            kept[pos] = body[pos]
            pos += 1 + body[pos]
    return bytes(kept)


def _ech_suite_stays(body: bytes) -> bytes:
    """encrypted_client_hello: type, suite and the lengths of enc and payload stay (RFC 9849 section 5)."""
    kept = bytearray(len(body))
    kept[0] = body[0]
    if body[0] == 0 and len(body) >= 8:
        kept[1:5] = body[1:5]
        kept[6:8] = body[6:8]
        payload = 8 + (body[6] << 8 | body[7])
        if payload + 2 <= len(body):
            kept[payload : payload + 2] = body[payload : payload + 2]
    return bytes(kept)


def _transport_settings_stay(body: bytes) -> bytes:
    """quic_transport_parameters: all but the connection id stays (RFC 9000 section 18)."""
    kept = bytearray(len(body))
    cursor = Cursor(body)
    try:
        while cursor.remaining:
            start = cursor.pos
            kind = cursor.varint("parameter id")
            size = cursor.varint("parameter length")
            stop = cursor.pos
            cursor.skip(size, "parameter")
            if kind != _INITIAL_SOURCE_CONNECTION_ID:
                stop = cursor.pos
            kept[start:stop] = body[start:stop]
    except Malformed:
        return bytes(kept)
    return bytes(kept)


_BLANKERS: dict[int, Callable[[bytes], bytes]] = {
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

BLANKED_EXTENSIONS = frozenset(_BLANKERS)
"""Extension types of whose bodies something is blanked; docs/reference/fingerprints.md lists what."""

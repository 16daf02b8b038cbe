"""The skeleton of a ClientHello: its message with every length intact and noise and secrets blanked.

What is blanked can neither be compressed nor be kept (keys, tickets, identities); what stays is all that
a fingerprint reads. The skeleton is itself a valid message, so new rules are computed from old rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from capture_agent.wire import registry
from capture_agent.wire.client_hello import ClientHello
from capture_agent.wire.cursor import Cursor
from capture_agent.wire.errors import Malformed


def skeleton(hello: ClientHello) -> bytes:
    """The handshake message, 4-byte header included, as long as the original, its noise zeroed."""
    extensions = hello.extensions
    if extensions is not None:
        extensions = tuple([(kind, _blanked(kind, body)) for kind, body in extensions])
    return replace(
        hello,
        random=bytes(len(hello.random)),
        session_id=bytes(len(hello.session_id)),
        cookie=None if hello.cookie is None else bytes(len(hello.cookie)),
        extensions=extensions,
    ).serialise()


def _blanked(kind: int, body: bytes) -> bytes:
    blank = _BLANKERS.get(kind)
    if blank is None or not body:
        return body
    kept = bytearray(len(body))
    try:
        blank(Cursor(body), kept)
    except Malformed:
        # What could not be walked stays blank: a broken list must not leak the secret in it.
        return bytes(kept)
    return bytes(kept)


def _keep(cursor: Cursor, kept: bytearray, size: int) -> int:
    """Copy the next `size` bytes into the skeleton and return them as a number."""
    start = cursor.pos
    value = cursor.uint(size, "field")
    kept[start : cursor.pos] = cursor.data[start : cursor.pos]
    return value


def _blank_all(cursor: Cursor, kept: bytearray) -> None:
    """padding, session_ticket, encrypted_server_name, SRP user name: nothing stays but the length."""


def _blank_vector16(cursor: Cursor, kept: bytearray) -> None:
    """cookie (RFC 8446 section 4.2.2)."""
    _keep(cursor, kept, 2)


def _blank_vector8(cursor: Cursor, kept: bytearray) -> None:
    """connection_id (RFC 9146), renegotiation_info (RFC 5746)."""
    _keep(cursor, kept, 1)


def _blank_key_share(cursor: Cursor, kept: bytearray) -> None:
    """Groups and lengths of the key exchange stay (RFC 8446 section 4.2.8)."""
    _keep(cursor, kept, 2)
    while cursor.remaining:
        _keep(cursor, kept, 2)
        cursor.skip(_keep(cursor, kept, 2), "key_exchange")


def _blank_pre_shared_key(cursor: Cursor, kept: bytearray) -> None:
    """Lengths of identities and binders stay (RFC 8446 section 4.2.11)."""
    identities_end = _keep(cursor, kept, 2) + cursor.pos
    while cursor.pos < identities_end:
        cursor.skip(_keep(cursor, kept, 2), "identity")
        cursor.skip(4, "obfuscated_ticket_age")
    _keep(cursor, kept, 2)
    while cursor.remaining:
        cursor.skip(_keep(cursor, kept, 1), "binder")


def _blank_encrypted_client_hello(cursor: Cursor, kept: bytearray) -> None:
    """Type, KDF, AEAD and the lengths of enc and payload stay (RFC 9849 section 5)."""
    if _keep(cursor, kept, 1) != 0:
        return
    _keep(cursor, kept, 4)
    cursor.skip(1, "config_id")
    cursor.skip(_keep(cursor, kept, 2), "enc")
    _keep(cursor, kept, 2)


def _blank_transport_parameters(cursor: Cursor, kept: bytearray) -> None:
    """Ids, lengths and settings stay, the connection id goes (RFC 9000 section 18)."""
    initial_source_connection_id = 0x0F
    while cursor.remaining:
        start = cursor.pos
        kind = cursor.varint("parameter id")
        size = cursor.varint("parameter length")
        stop = cursor.pos
        cursor.skip(size, "parameter")
        if kind != initial_source_connection_id:
            stop = cursor.pos
        kept[start:stop] = cursor.data[start:stop]


_BLANKERS: dict[int, Callable[[Cursor, bytearray], None]] = {
    registry.EXT_PADDING: _blank_all,
    registry.EXT_SESSION_TICKET: _blank_all,
    registry.EXT_SRP: _blank_all,
    registry.EXT_ENCRYPTED_SERVER_NAME: _blank_all,
    registry.EXT_COOKIE: _blank_vector16,
    registry.EXT_CONNECTION_ID: _blank_vector8,
    registry.EXT_CONNECTION_ID_DRAFT: _blank_vector8,
    registry.EXT_RENEGOTIATION_INFO: _blank_vector8,
    registry.EXT_KEY_SHARE: _blank_key_share,
    registry.EXT_KEY_SHARE_DRAFT: _blank_key_share,
    registry.EXT_PRE_SHARED_KEY: _blank_pre_shared_key,
    registry.EXT_ENCRYPTED_CLIENT_HELLO: _blank_encrypted_client_hello,
    registry.EXT_QUIC_TRANSPORT_PARAMETERS: _blank_transport_parameters,
    registry.EXT_QUIC_TRANSPORT_PARAMETERS_DRAFT: _blank_transport_parameters,
}

"""What can still be read of a ClientHello that breaks its grammar: a broken hello is evidence too.

An odd cipher-suite length, for one, must not hide the server name behind it.
"""

from __future__ import annotations

from struct import unpack_from

from capture_agent.wire.client_hello import SESSION_ID_OFFSET, ClientHello


def salvage_client_hello(message: bytes, *, is_dtls: bool = False) -> ClientHello | None:
    """The fields up to the break, each length trusted as far as the bytes go; never raises.

    None if the message ends before the session id. `extensions` is None if the block was not reached
    and else holds the whole extensions before the break. Do not fingerprint the result: it is not what
    the client would have sent.
    """
    size = len(message)
    if size <= SESSION_ID_OFFSET:
        return None
    session_id, pos = _vector8(message, SESSION_ID_OFFSET)
    cookie = None
    if is_dtls:
        cookie, pos = _vector8(message, pos)
    suites_size = min(int.from_bytes(message[pos : pos + 2], "big"), max(size - pos - 2, 0))
    cipher_suites = unpack_from(f">{suites_size >> 1}H", message, pos + 2) if suites_size else ()
    compression_methods, pos = _vector8(message, pos + 2 + suites_size)
    return ClientHello(
        legacy_version=message[4] << 8 | message[5],
        random=message[6:SESSION_ID_OFFSET],
        session_id=session_id,
        cookie=cookie,
        cipher_suites=cipher_suites,
        compression_methods=compression_methods,
        extensions=_extensions(message, pos + 2) if pos + 2 <= size else None,
    )


def _vector8(message: bytes, pos: int) -> tuple[bytes, int]:
    """A vector with a one-byte length and the position behind it."""
    size = message[pos] if pos < len(message) else 0
    return message[pos + 1 : pos + 1 + size], min(pos + 1 + size, len(message))


def _extensions(message: bytes, pos: int) -> tuple[tuple[int, bytes], ...]:
    found = []
    while pos + 4 <= len(message):
        kind, size = unpack_from(">HH", message, pos)
        if pos + 4 + size > len(message):
            break
        found.append((kind, message[pos + 4 : pos + 4 + size]))
        pos += 4 + size
    return tuple(found)

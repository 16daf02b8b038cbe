"""The CLIENT-HELLO of SSL 2.0, with which old clients and scanners also offer TLS (RFC 5246 appendix E.2)."""

from __future__ import annotations

from dataclasses import dataclass

from capture_agent.wire import registry
from capture_agent.wire.cursor import Cursor
from capture_agent.wire.errors import Malformed

_CIPHER_SPEC_BYTES = 3


@dataclass(frozen=True, slots=True)
class Sslv2ClientHello:
    """One hello as sent; it has no extensions, so no server name either."""

    version: int
    """0x0002 for SSL 2.0 itself, 0x03xx for a hello that offers TLS."""
    cipher_specs: tuple[int, ...]
    """24-bit numbers in wire order; those below 0x10000 are cipher suites of TLS."""
    session_id: bytes
    challenge: bytes


def parse_sslv2_hello(message: bytes) -> Sslv2ClientHello:
    """Parse a message freed from its two-byte record header, starting at the type; raises `Malformed`."""
    cursor = Cursor(message)
    if cursor.uint(1, "message type") != registry.HANDSHAKE_CLIENT_HELLO:
        raise Malformed("handshake type is not client_hello", 0)
    version = cursor.uint(2, "version")
    lengths_offset = cursor.pos
    specs_size = cursor.uint(2, "cipher_spec_length")
    session_id_size = cursor.uint(2, "session_id_length")
    challenge_size = cursor.uint(2, "challenge_length")
    if specs_size % _CIPHER_SPEC_BYTES:
        raise Malformed("cipher_spec_length is no multiple of 3", lengths_offset)
    specs = cursor.take(specs_size, "cipher_specs")
    session_id = cursor.take(session_id_size, "session_id")
    challenge = cursor.take(challenge_size, "challenge")
    cursor.finish("SSL 2.0 hello")
    return Sslv2ClientHello(
        version=version,
        cipher_specs=tuple(
            [
                int.from_bytes(specs[at : at + _CIPHER_SPEC_BYTES], "big")
                for at in range(0, len(specs), _CIPHER_SPEC_BYTES)
            ]
        ),
        session_id=session_id,
        challenge=challenge,
    )

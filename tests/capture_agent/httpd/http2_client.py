"""Writes HTTP/2 frames from the layouts of RFC 9113, so that a test knows every byte that it sends."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Sequence

from hpack import Encoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 4, 6, 8, 9
END_STREAM, END_HEADERS, PADDED, HAS_PRIORITY = 0x1, 0x4, 0x8, 0x20
Fields = Sequence[tuple[str, str]]


def frame(kind: int, payload: bytes, *, flags: int = 0, stream: int = 0) -> bytes:
    """Section 4.1."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*entries: tuple[int, int]) -> bytes:
    """Section 6.5."""
    return frame(SETTINGS, b"".join(struct.pack(">HI", *entry) for entry in entries))


def window_update(increment: int) -> bytes:
    """Section 6.9, for the connection."""
    return frame(WINDOW_UPDATE, struct.pack(">I", increment))


def priority(stream: int, depends_on: int, weight: int, *, is_exclusive: bool = False) -> bytes:
    """RFC 7540 section 6.3; `weight` from 1 to 256."""
    return frame(PRIORITY, struct.pack(">IB", depends_on | is_exclusive << 31, weight - 1), stream=stream)


def headers(encoder: Encoder, fields: Fields, stream: int = 1, *, flags: int = END_STREAM) -> bytes:
    """Section 6.2, one frame."""
    return frame(HEADERS, encoder.encode(fields), flags=flags | END_HEADERS, stream=stream)


def request_fields(path: str, *fields: tuple[str, str], order: str = "masp") -> list[tuple[str, str]]:
    """Pseudo-headers in `order`, then `fields`."""
    pseudo = {
        "m": (":method", "GET"),
        "a": (":authority", "shop.test"),
        "s": (":scheme", "https"),
        "p": (":path", path),
    }
    return [*(pseudo[letter] for letter in order), *fields]


def read_until_end(connection: ssl.SSLSocket, streams: int) -> int:
    """Frames until `streams` of them have ended; how many did."""
    ended, buffered = 0, b""
    while ended < streams:
        piece = connection.recv(65_536)
        if not piece:
            break
        buffered += piece
        while len(buffered) >= 9 + int.from_bytes(buffered[:3], "big"):
            length = int.from_bytes(buffered[:3], "big")
            if buffered[3] in (DATA, HEADERS) and buffered[4] & END_STREAM:
                ended += 1
            buffered = buffered[9 + length :]
    return ended

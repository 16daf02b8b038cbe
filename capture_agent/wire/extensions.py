"""Reads the bodies of ClientHello extensions.

RFC 8446 section 4.1.2 makes an extension body opaque, so a broken one does not break the hello: each
reader takes the entries as far as the bytes go and none of them raises.
"""

from __future__ import annotations

from functools import lru_cache
from struct import unpack_from

MAX_CACHED_BYTES = 512
"""Longest body that is remembered, three times the longest of a real client."""


def read_u16_list(body: bytes, length_size: int) -> tuple[int, ...]:
    """A vector of 16-bit values whose length prefix has `length_size` (1 or 2) bytes, in wire order."""
    # Clients send a few lists again and again: those of ordinary length are remembered.
    return (_remembered if len(body) <= MAX_CACHED_BYTES else _read_u16_list)(body, length_size)


def _read_u16_list(body: bytes, length_size: int) -> tuple[int, ...]:
    if len(body) < length_size:
        return ()
    declared = body[0] if length_size == 1 else body[0] << 8 | body[1]
    count = min(declared, len(body) - length_size) >> 1
    return unpack_from(f">{count}H", body, length_size)


_remembered = lru_cache(maxsize=1024)(_read_u16_list)


def read_u8_list(body: bytes) -> bytes:
    """A vector of bytes with a one-byte length prefix (ec_point_formats, RFC 8422 section 5.1.2)."""
    return body[1 : 1 + body[0]] if body else b""


def read_protocol_names(body: bytes) -> tuple[bytes, ...]:
    """ProtocolNameList of RFC 7301 section 3.1, in wire order."""
    if len(body) < 2:
        return ()
    end = min(len(body), 2 + (body[0] << 8 | body[1]))
    names = []
    pos = 2
    while pos < end:
        stop = pos + 1 + body[pos]
        if stop > end:
            break
        names.append(body[pos + 1 : stop])
        pos = stop
    return tuple(names)


def read_host_name(body: bytes) -> bytes | None:
    """First host_name of a ServerNameList (RFC 6066 section 3); None if no whole one can be read."""
    pos = 2
    while pos + 3 <= len(body):
        start = pos + 3
        stop = start + (body[pos + 1] << 8 | body[pos + 2])
        if stop > len(body):
            return None
        if body[pos] == 0:
            return body[start:stop]
        pos = stop
    return None

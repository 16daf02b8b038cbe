"""A stored hello, read again: what the client listed, in its own order.

The mart holds the latest hello's skeleton in base64: the handshake message with its lengths intact and its
keys, tickets and random values zeroed. RFC 8446 section 4.1.2 gives its form, RFC 6347 section 4.2.1 the
cookie of DTLS.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from soc_dashboard.decoded_hello import MAX_CODE_POINTS, CodePoint, maybe_decoded, named
from soc_dashboard.registry import GREASE

CLIENT_HELLO = 1
SUPPORTED_GROUPS, SIGNATURE_ALGORITHMS, SUPPORTED_VERSIONS, KEY_SHARE = 0x000A, 0x000D, 0x002B, 0x0033
ANY_GREASE = min(GREASE)
"""Stands for every GREASE value of a list: a client draws another one each time (RFC 8701 section 3.1)."""
MAX_SKELETON = 1 << 17
"""Characters of base64. An agent keeps at most 64 kB of a hello."""


@dataclass(frozen=True, slots=True)
class HelloMessage:
    """Code points in wire order; a list whose extension was not sent is empty, every GREASE is ANY_GREASE."""

    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    groups: tuple[int, ...]
    signatures: tuple[int, ...]
    versions: tuple[int, ...]
    key_shares: tuple[int, ...]
    """Groups for which the client sent a key at once."""
    octets: bytes
    """The whole message."""


def maybe_message(skeleton: str | None) -> HelloMessage | None:
    """Read a skeleton; None when there is none, or when it is no ClientHello of TLS or DTLS."""
    if not skeleton or len(skeleton) > MAX_SKELETON:
        return None
    try:
        octets = base64.b64decode(skeleton, validate=True)
        return _read(octets)
    except (ValueError, binascii.Error):
        return None


@dataclass(frozen=True, slots=True)
class NamedList:
    """One list of a hello."""

    name: str
    codes: tuple[CodePoint, ...]


def wire_lists(message: HelloMessage) -> tuple[NamedList, ...]:
    """The lists of a hello by name, always the same ones; a list that was not sent is empty."""
    return (
        NamedList("Cipher suites", named("cipher", message.ciphers)),
        NamedList("Extensions", named("extension", message.extensions)),
        NamedList("Supported groups", named("group", message.groups)),
        NamedList("Key shares", named("group", message.key_shares)),
        NamedList("Signature algorithms", named("signature", message.signatures)),
        NamedList("Versions", named("version", message.versions)),
    )


def kept_lists(skeleton: str | None, ja4_r: str | None) -> tuple[bool, tuple[NamedList, ...]]:
    """The lists of a fingerprint, and whether they come from its message, in wire order.

    Without a message they come from JA4_r, which has three; without either there are none.
    """
    if message := maybe_message(skeleton):
        return True, wire_lists(message)
    if decoded := maybe_decoded(ja4_r):
        return False, (
            NamedList("Cipher suites", decoded.ciphers),
            NamedList("Extensions", decoded.extensions),
            NamedList("Signature algorithms", decoded.signatures),
        )
    return False, ()


class _Block:
    """Bytes read from the front; ValueError when they end too early."""

    def __init__(self, octets: bytes) -> None:
        self._rest = octets

    def __bool__(self) -> bool:
        return bool(self._rest)

    def take(self, length: int) -> bytes:
        if length > len(self._rest):
            raise ValueError("the hello ends early")
        taken, self._rest = self._rest[:length], self._rest[length:]
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> bytes:
        """A vector with its length, of `width` bytes, in front."""
        return self.take(self.number(width))


def _read(octets: bytes) -> HelloMessage | None:
    message = _Block(octets)
    if message.number(1) != CLIENT_HELLO:
        return None
    hello = _Block(message.vector(3))
    is_datagram = hello.number(2) >> 8 == 0xFE
    hello.take(32)
    hello.vector(1)
    if is_datagram:
        hello.vector(1)
    ciphers = _code_points(hello.vector(2))
    hello.vector(1)
    extensions = _extensions(hello.vector(2)) if hello else []
    bodies = dict(reversed(extensions))  # of one that is sent twice, the first
    return HelloMessage(
        ciphers=ciphers,
        extensions=tuple(_plain(kind) for kind, _ in extensions)[:MAX_CODE_POINTS],
        groups=_listed(bodies.get(SUPPORTED_GROUPS), 2),
        signatures=_listed(bodies.get(SIGNATURE_ALGORITHMS), 2),
        versions=_listed(bodies.get(SUPPORTED_VERSIONS), 1),
        key_shares=_shares(bodies.get(KEY_SHARE)),
        octets=octets,
    )


def _extensions(octets: bytes) -> list[tuple[int, bytes]]:
    rest = _Block(octets)
    found = []
    while rest:
        kind = rest.number(2)
        found.append((kind, rest.vector(2)))
    return found


def _listed(body: bytes | None, width: int) -> tuple[int, ...]:
    return _code_points(_Block(body).vector(width)) if body else ()


def _shares(body: bytes | None) -> tuple[int, ...]:
    return tuple(_plain(group) for group, _ in _extensions(_Block(body).vector(2))) if body else ()


def _code_points(octets: bytes) -> tuple[int, ...]:
    rest = _Block(octets[: 2 * MAX_CODE_POINTS])
    codes = []
    while rest:
        codes.append(_plain(rest.number(2)))
    return tuple(codes)


def _plain(code: int) -> int:
    return ANY_GREASE if code in GREASE else code

"""A recorded ClientHello as another connection of the same client would send it: other random values.

Without this, every copy of a recorded connection has the very same hello, and whoever remembers the
fingerprints of hellos it has seen looks faster than on real traffic. Each connection gets its own random,
session id, key shares, tickets, ECH payload and GREASE values; Chromium's hello also its own order of
extensions, which it has permuted since version 110. Lengths stay, so the segments stay as recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from capture_agent.wire import registry
from capture_agent.wire.client_hello import ClientHello, parse_client_hello

ALPS = frozenset({0x4469, 0x44CD})
"""application_settings, sent by Chromium and its imitators only."""
_GREASE = sorted(registry.GREASE)


class Permuted(StrEnum):
    """Whose extensions are shuffled."""

    RECORDED = "recorded"
    """Nothing is varied at all: every copy of a connection has the hello of the recording."""
    NONE = "none"
    CHROMIUM = "chromium"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class HelloTemplate:
    """One recorded hello."""

    hello: ClientHello
    is_permuted: bool

    @classmethod
    def of_message(cls, message: bytes, permuted: Permuted) -> HelloTemplate:
        """Parse a handshake message; raises Malformed."""
        hello = parse_client_hello(message)
        is_chromium = not ALPS.isdisjoint(kind for kind, _ in hello.extensions or ())
        return cls(hello, permuted is Permuted.ALL or (permuted is Permuted.CHROMIUM and is_chromium))

    def varied(self, rng: Random) -> bytes:
        """A message of the same length."""
        hello = self.hello
        grease = _Grease(rng)
        extensions = [
            (grease.other(kind), _varied_body(kind, body, rng, grease))
            for kind, body in hello.extensions or ()
        ]
        if self.is_permuted:
            extensions = _shuffled(extensions, rng)
        return replace(
            hello,
            random=rng.randbytes(32),
            session_id=rng.randbytes(len(hello.session_id)),
            cipher_suites=tuple(map(grease.other, hello.cipher_suites)),
            extensions=None if hello.extensions is None else tuple(extensions),
        ).serialise()


class _Grease:
    """Each reserved value of the recording becomes another one, the same throughout one hello."""

    def __init__(self, rng: Random) -> None:
        self._others = dict(zip(_GREASE, rng.sample(_GREASE, len(_GREASE)), strict=True))

    def other(self, value: int) -> int:
        return self._others.get(value, value)

    def other_in(self, numbers: bytes) -> bytes:
        """16-bit numbers."""
        pairs = (numbers[at : at + 2] for at in range(0, len(numbers), 2))
        return b"".join(self.other(int.from_bytes(pair, "big")).to_bytes(2, "big") for pair in pairs)


def _varied_body(kind: int, body: bytes, rng: Random, grease: _Grease) -> bytes:
    if kind == registry.EXT_SUPPORTED_GROUPS:
        return body[:2] + grease.other_in(body[2:])
    if kind == registry.EXT_SUPPORTED_VERSIONS:
        return body[:1] + grease.other_in(body[1:])
    if kind == registry.EXT_SESSION_TICKET:
        return rng.randbytes(len(body))
    if kind == registry.EXT_KEY_SHARE:
        return _varied_shares(body, rng, grease)
    if kind == registry.EXT_ENCRYPTED_CLIENT_HELLO and body[:1] == b"\0":
        return _varied_ech(body, rng)
    return body


def _varied_shares(body: bytes, rng: Random, grease: _Grease) -> bytes:
    parts, at = [body[:2]], 2
    while at + 4 <= len(body):
        size = body[at + 2] << 8 | body[at + 3]
        parts += (grease.other_in(body[at : at + 2]), body[at + 2 : at + 4])
        # GREASE shares have one zero byte, and that is how they are known.
        parts.append(body[at + 4 : at + 4 + size] if size < 16 else rng.randbytes(size))
        at += 4 + size
    return b"".join(parts)


def _varied_ech(body: bytes, rng: Random) -> bytes:
    """ECHClientHello of RFC 9849 section 5: suite and lengths stay."""
    enc = body[6] << 8 | body[7]
    payload = 8 + enc + 2
    return (
        body[:5]
        + rng.randbytes(1)
        + body[6:8]
        + rng.randbytes(enc)
        + body[8 + enc : payload]
        + rng.randbytes(len(body) - payload)
    )


def _shuffled(extensions: list[tuple[int, bytes]], rng: Random) -> list[tuple[int, bytes]]:
    """In Chromium's manner: GREASE stays first and last, padding and pre_shared_key stay last."""
    fixed = registry.GREASE | {registry.EXT_PADDING, registry.EXT_PRE_SHARED_KEY}
    places = [at for at, (kind, _) in enumerate(extensions) if kind not in fixed]
    moved = rng.sample([extensions[at] for at in places], len(places))
    shuffled = list(extensions)
    for at, extension in zip(places, moved, strict=True):
        shuffled[at] = extension
    return shuffled

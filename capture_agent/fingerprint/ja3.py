"""JA3 of a ClientHello (Salesforce, 2017) and JA3n, its form with sorted extensions.

    771,4865-4866-49195,0-23-65281-10-11,29-23-24,0

handshake version, cipher suites, extensions, groups, point formats: decimal, `-` inside and `,` between
the fields, an empty field keeps its commas. GREASE is removed from suites, extensions and groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import md5

import msgspec

from capture_agent.fingerprint.number_text import DECIMAL, MAX_CACHED_NUMBERS
from capture_agent.wire import registry
from capture_agent.wire.client_hello import ClientHello

MAX_CACHED_CHARACTERS = 2048
"""Longest text around the extensions with which their sorted form is remembered."""


class Ja3(msgspec.Struct, frozen=True):
    """JA3 in clear and hashed."""

    ja3: str
    ja3_hash: str
    """MD5 of `ja3`. Browsers that permute their extensions give a new one per connection: look-ups only."""
    ja3n_hash: str
    """MD5 of JA3 with the extensions sorted by number, which survives permutation."""


def ja3_of(hello: ClientHello) -> Ja3:
    """Compute JA3 and JA3n."""
    extensions = [kind for kind, _ in hello.extensions or () if kind not in registry.GREASE]
    before = f"{hello.legacy_version},{_without_grease(hello.cipher_suites)},"
    after = f",{_without_grease(hello.supported_groups)},{_joined(hello.ec_point_formats)}"
    ja3 = f"{before}{_joined(extensions)}{after}"
    return Ja3(
        ja3=ja3,
        ja3_hash=_md5(ja3),
        ja3n_hash=_sorted_hash(before, tuple(sorted(extensions)), after),
    )


def _without_grease(values: tuple[int, ...]) -> str:
    """Clients send a few lists again and again: those of ordinary length are remembered."""
    return _remembered(values) if len(values) <= MAX_CACHED_NUMBERS else _spell(values)


def _spell(values: tuple[int, ...]) -> str:
    return _joined([value for value in values if value not in registry.GREASE])


_remembered = lru_cache(maxsize=1024)(_spell)


def _sorted_hash(before: str, in_order: tuple[int, ...], after: str) -> str:
    """Permuting clients send the same extensions again and again: hellos of ordinary size are remembered."""
    if len(in_order) > MAX_CACHED_NUMBERS or len(before) + len(after) > MAX_CACHED_CHARACTERS:
        return _spell_sorted(before, in_order, after)
    return _remembered_sorted(before, in_order, after)


def _spell_sorted(before: str, in_order: tuple[int, ...], after: str) -> str:
    return _md5(f"{before}{_joined(in_order)}{after}")


_remembered_sorted = lru_cache(maxsize=1024)(_spell_sorted)


def _joined(values: Iterable[int]) -> str:
    return "-".join(map(DECIMAL.__getitem__, values))


def _md5(text: str) -> str:
    return md5(text.encode("ascii"), usedforsecurity=False).hexdigest()

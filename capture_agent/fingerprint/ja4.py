"""JA4 of a ClientHello, exactly as published by FoxIO (technical_details/JA4.md, BSD-3-Clause).

    t13d1516h2_8daaf6152771_e5627efa2ab1
    a          b            c

a: transport, version, SNI flag, number of cipher suites, number of extensions, ALPN; b: 12 hex digits of
SHA-256 over the sorted cipher suites; c: the same over the sorted extensions without SNI and ALPN, then
`_` and the signature algorithms in wire order. GREASE (RFC 8701) is removed from every list first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import msgspec

from capture_agent.events import Transport
from capture_agent.fingerprint.number_text import HEX4, MAX_CACHED_NUMBERS
from capture_agent.wire import registry
from capture_agent.wire.client_hello import ClientHello

EMPTY_HASH = "000000000000"
"""Stands for a list without entries, "as this makes it clear to the user when a field has no values"."""
MAX_COUNT = 99
MAX_CACHED_SCHEMES = 5 * MAX_CACHED_NUMBERS
"""Length of the text of as many signature algorithms as may be in a remembered list."""

VOLATILE_EXTENSIONS = frozenset(
    {
        registry.EXT_PADDING,
        registry.EXT_SESSION_TICKET,
        registry.EXT_PRE_SHARED_KEY,
        registry.EXT_EARLY_DATA,
    }
)
"""Extensions that one client sends on some connections only; `ja4_stable` does not count or hash them."""

_UNHASHED_EXTENSIONS = frozenset({registry.EXT_SERVER_NAME, registry.EXT_ALPN})
_TRANSPORT_LETTERS = {Transport.TCP: "t", Transport.QUIC: "q", Transport.DTLS: "d"}
_VERSION_LETTERS = {
    0x0304: "13",
    0x0303: "12",
    0x0302: "11",
    0x0301: "10",
    0x0300: "s3",
    0x0002: "s2",
    0xFEFF: "d1",
    0xFEFD: "d2",
    0xFEFC: "d3",
}
_UNKNOWN_VERSION = "00"
_NO_ALPN = "00"


class Ja4(msgspec.Struct, frozen=True):
    """The four forms of one hello's JA4."""

    ja4: str
    """The published, hashed, sorted form."""
    ja4_r: str
    """Raw: the sorted lists in place of their hashes; an empty list is an empty string."""
    ja4_o: str
    """Hashed in the client's original order, SNI and ALPN included in the extensions: the published JA4_o."""
    ja4_stable: str
    """JA4 as if the hello had been sent without `VOLATILE_EXTENSIONS`; our own form, for grouping."""


def ja4_of(hello: ClientHello, transport: Transport) -> Ja4:
    """Compute all forms of JA4."""
    grease = registry.GREASE
    extensions = [kind for kind, _ in hello.extensions or () if kind not in grease]
    schemes = _list_forms(hello.signature_algorithms).as_sent
    suites = _list_forms(hello.cipher_suites)
    counted = _extension_forms(tuple(sorted(extensions)), schemes)

    before_count = (
        f"{_TRANSPORT_LETTERS[transport]}{_version(hello)}{'d' if hello.sni_present else 'i'}{suites.count}"
    )
    alpn = alpn_letters(hello.alpn)
    a = f"{before_count}{counted.count}{alpn}"
    b = suites.sorted_hash
    ja4 = f"{a}_{b}_{counted.hash}"
    return Ja4(
        ja4=ja4,
        ja4_r=f"{a}_{suites.in_order}_{counted.text}",
        ja4_o=f"{a}_{suites.as_sent_hash}_{_hash12(_with_schemes(_joined(extensions), schemes))}",
        ja4_stable=f"{before_count}{counted.stable_count}{alpn}_{b}_{counted.stable_hash}",
    )


def alpn_letters(protocols: tuple[bytes, ...]) -> str:
    """First and last character of the first offered protocol.

    If the first or the last byte is not an ASCII letter or digit, the first and last digit of the
    protocol's hex form instead; `00` without a protocol or with an empty one.
    """
    if not protocols or not protocols[0]:
        return _NO_ALPN
    name = protocols[0]
    first, last = name[:1], name[-1:]
    if first.isalnum() and last.isalnum():
        return (first + last).decode("ascii")
    return first.hex()[0] + last.hex()[1]


def _version(hello: ClientHello) -> str:
    """Two characters for the numerically highest value of supported_versions, else for legacy_version.

    "Highest value" is taken literally, as other implementations do: a DTLS client that offers 1.3
    (0xfefc) and 1.2 (0xfefd) is `d2`. The column `tls_version` has the newest version instead.
    """
    offered = [version for version in hello.supported_versions if version not in registry.GREASE]
    return _VERSION_LETTERS.get(max(offered, default=hello.legacy_version), _UNKNOWN_VERSION)


@dataclass(frozen=True, slots=True)
class _ListForms:
    """The spellings of one list of 16-bit numbers, GREASE removed."""

    count: str
    as_sent: str
    as_sent_hash: str
    in_order: str
    sorted_hash: str


def _list_forms(values: tuple[int, ...]) -> _ListForms:
    """Clients send a few lists again and again: those of ordinary length are remembered."""
    if len(values) > MAX_CACHED_NUMBERS:
        return _spell_list(values)
    return _remembered_list(values)


def _spell_list(values: tuple[int, ...]) -> _ListForms:
    kept = [value for value in values if value not in registry.GREASE]
    as_sent, in_order = _joined(kept), _joined(sorted(kept))
    return _ListForms(_count(kept), as_sent, _hash12(as_sent), in_order, _hash12(in_order))


_remembered_list = lru_cache(maxsize=1024)(_spell_list)


@dataclass(frozen=True, slots=True)
class _ExtensionForms:
    """What JA4 says of a hello's extensions, whatever their order, together with its signature algorithms."""

    count: str
    text: str
    hash: str
    stable_count: str
    stable_hash: str


def _extension_forms(in_order: tuple[int, ...], schemes: str) -> _ExtensionForms:
    """Permuting clients send the same extensions again and again: sets of ordinary size are remembered."""
    if len(in_order) > MAX_CACHED_NUMBERS or len(schemes) > MAX_CACHED_SCHEMES:
        return _spell_extensions(in_order, schemes)
    return _remembered_extensions(in_order, schemes)


def _spell_extensions(in_order: tuple[int, ...], schemes: str) -> _ExtensionForms:
    text = _with_schemes(_joined([kind for kind in in_order if kind not in _UNHASHED_EXTENSIONS]), schemes)
    stable = [kind for kind in in_order if kind not in VOLATILE_EXTENSIONS]
    stable_text = _with_schemes(
        _joined([kind for kind in stable if kind not in _UNHASHED_EXTENSIONS]), schemes
    )
    return _ExtensionForms(_count(in_order), text, _hash12(text), _count(stable), _hash12(stable_text))


_remembered_extensions = lru_cache(maxsize=1024)(_spell_extensions)


def _count(values: Sized) -> str:
    return f"{min(len(values), MAX_COUNT):02}"


def _joined(values: Iterable[int]) -> str:
    return ",".join(map(HEX4.__getitem__, values))


def _with_schemes(extensions: str, schemes: str) -> str:
    """Extensions and signature algorithms; without the latter there is no underscore."""
    return f"{extensions}_{schemes}" if schemes else extensions


def _hash12(text: str) -> str:
    return sha256(text.encode("ascii")).hexdigest()[:12] if text else EMPTY_HASH

"""What a JA4_r says: the lists behind a fingerprint, by name.

JA4_r (FoxIO JA4 technical details, 2024) is `a_ciphers_extensions[_signature algorithms]`; each list holds
four-digit hexadecimal code points joined by commas. Ciphers and extensions are sorted and free of GREASE;
server_name (0000) and ALPN (0010) are left out of the list of extensions and counted in the prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from soc_dashboard.registry import code_point_name

PREFIX = re.compile(
    r"(?P<transport>[tqd])(?P<version>\d\d|s[23]|d[123])(?P<sni>[di])"
    r"(?P<ciphers>\d\d)(?P<extensions>\d\d)(?P<alpn>[0-9a-zA-Z]{2})"
)
TRANSPORTS = {"t": "TCP", "q": "QUIC", "d": "DTLS"}
VERSIONS = {
    "13": "TLS 1.3",
    "12": "TLS 1.2",
    "11": "TLS 1.1",
    "10": "TLS 1.0",
    "s3": "SSL 3.0",
    "s2": "SSL 2.0",
    "d1": "DTLS 1.0",
    "d2": "DTLS 1.2",
    "d3": "DTLS 1.3",
    "00": "version unknown",
}
MAX_CODE_POINTS = 1024


@dataclass(frozen=True, slots=True)
class CodePoint:
    """One cipher suite, extension or signature algorithm; `name` is None when nobody registered it."""

    code: int
    name: str | None

    @property
    def hex(self) -> str:
        """Four lower-case digits, as in JA4_r."""
        return f"{self.code:04x}"


@dataclass(frozen=True, slots=True)
class Ja4Prefix:
    """The readable first part of a JA4."""

    transport: str
    version: str
    sni_present: bool
    cipher_count: int
    """Capped at 99 by the format."""
    extension_count: int
    alpn: str
    """First and last character of the first ALPN value; `00` when there is none."""


@dataclass(frozen=True, slots=True)
class DecodedHello:
    """The lists of one JA4_r."""

    ciphers: tuple[CodePoint, ...]
    extensions: tuple[CodePoint, ...]
    signatures: tuple[CodePoint, ...]


def maybe_prefix(fingerprint: str) -> Ja4Prefix | None:
    """Decode the first part of a JA4, JA4_r or ja4_stable; None when it does not follow the format."""
    found = PREFIX.match(fingerprint)
    if found is None:
        return None
    return Ja4Prefix(
        transport=TRANSPORTS[found["transport"]],
        version=VERSIONS.get(found["version"], "version unknown"),
        sni_present=found["sni"] == "d",
        cipher_count=int(found["ciphers"]),
        extension_count=int(found["extensions"]),
        alpn=found["alpn"],
    )


def maybe_decoded(ja4_r: str | None) -> DecodedHello | None:
    """Decode the lists of a JA4_r; None when there is none or it does not follow the format."""
    parts = (ja4_r or "").split("_")
    if not 3 <= len(parts) <= 4 or maybe_prefix(parts[0]) is None:
        return None
    try:
        ciphers, extensions = _code_points("cipher", parts[1]), _code_points("extension", parts[2])
        signatures = _code_points("signature", parts[3]) if len(parts) == 4 else ()
    except ValueError:
        return None
    return DecodedHello(ciphers, extensions, signatures)


def named(kind: str, codes: Iterable[int]) -> tuple[CodePoint, ...]:
    """Code points with their names; kinds as in `registry.code_point_name`."""
    return tuple(CodePoint(code, code_point_name(kind, code)) for code in codes)


def _code_points(kind: str, text: str) -> tuple[CodePoint, ...]:
    codes = [int(item, 16) for item in text.split(",")[:MAX_CODE_POINTS] if item]
    return named(kind, codes)

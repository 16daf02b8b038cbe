"""Names of TLS code points, from the IANA TLS registries (data/iana_tls.tsv)."""

from __future__ import annotations

from functools import cache
from importlib import resources

GREASE = frozenset(0x0A0A + 0x1010 * step for step in range(16))
"""RFC 8701 section 2."""

TLS_VERSIONS = {
    0x0002: "SSL 2.0",
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
}
DTLS_VERSIONS = {0xFEFF: "DTLS 1.0", 0xFEFD: "DTLS 1.2", 0xFEFC: "DTLS 1.3"}


@cache
def _names() -> dict[tuple[str, int], str]:
    text = resources.files("soc_dashboard").joinpath("data", "iana_tls.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:])
    return {(kind, int(code, 16)): name for kind, code, name in rows}


def code_point_name(kind: str, code: int) -> str | None:
    """Registered name of a `cipher`, `extension`, `group`, `signature` or `version`; None if unknown.

    GREASE has the same values in all of them (RFC 8701 section 2).
    """
    if code in GREASE:
        return "GREASE"
    if kind == "version":
        return TLS_VERSIONS.get(code) or DTLS_VERSIONS.get(code)
    return _names().get((kind, code))


def version_name(code: int | None) -> str:
    """Name of a protocol version; `version unknown` for None and for values nobody registered."""
    if code is None:
        return "version unknown"
    return TLS_VERSIONS.get(code) or DTLS_VERSIONS.get(code) or f"version 0x{code:04x}"

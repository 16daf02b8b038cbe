"""A hash over the order of HTTP header names: our own form, values are not looked at."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

DEFAULT_HOP_HEADERS = frozenset(
    {
        "cdn-loop",
        "cf-connecting-ip",
        "cf-ipcountry",
        "cf-ray",
        "cf-visitor",
        "forwarded",
        "true-client-ip",
        "via",
        "x-amzn-trace-id",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-forwarded-server",
        "x-real-ip",
    }
)
"""Names, in lower case, that reverse proxies add between client and server."""


def header_order_hash(names: Sequence[str], hop_headers: frozenset[str] = frozenset()) -> str | None:
    """12 hex digits of SHA-256 over the names as sent, joined by `,`; None if no name is left.

    Case is the client's own in HTTP/1 and always lower in HTTP/2: compare within one protocol only.
    Pseudo-headers of HTTP/2 (`:method` …) and `hop_headers` (lower case) are left out.
    """
    kept = [name for name in names if name[:1] != ":" and name.lower() not in hop_headers]
    if not kept:
        return None
    # Lone surrogates stand for bytes that were no text; "surrogatepass" accepts every one of them.
    return sha256(",".join(kept).encode("utf-8", "surrogatepass")).hexdigest()[:12]

"""Under which addresses browsers reach this process, and which requests come from its own pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Origins:
    """The `host:port` values that pages of this process have as their origin."""

    hosts: frozenset[str]
    is_https: bool
    """Browsers speak TLS to it, through the proxy before it."""

    def is_own(self, headers: Mapping[str, str]) -> bool:
        """Whether a request that writes, or a live connection, was started by one of our own pages.

        Browsers send `Origin` with both. A request without it comes from no browser's page; the secret
        that it must carry besides (form token or bearer token) is what such a caller lacks.
        """
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
        try:
            parts = urlsplit(origin)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            return False
        return f"{parts.hostname}:{port}" in self.hosts


def own_origins(host: str, port: int, public_url: str, further: Sequence[str]) -> Origins:
    """Origins of a process that listens on `host` and `port`; `public_url` is what the proxy shows.

    Raises ValueError for a public URL that is none.
    """
    hosts = {f"{name}:{port}" for name in {host, *LOOPBACK}} | {_with_port(name) for name in further}
    if not public_url:
        return Origins(frozenset(hosts), is_https=False)
    parts = urlsplit(public_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError(f"{public_url!r} is not an address like https://ja4.example")
    default = 443 if parts.scheme == "https" else 80
    hosts.add(f"{parts.hostname}:{parts.port or default}")
    return Origins(frozenset(hosts), is_https=parts.scheme == "https")


def _with_port(name: str) -> str:
    return name if ":" in name else f"{name}:443"

"""Takes the header fields of a request apart: what may be kept, and what is needed of the rest."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from capture_agent.canary.token import PREFIX

Headers = tuple[tuple[str, str | None], ...]

MAX_VALUE_CHARS = 2_048
"""Longest header value or target kept; Apache's own default limit of a line is 8,190 bytes."""


class SplitHeaders(msgspec.Struct, frozen=True, gc=False):
    """Header fields without what must not be stored."""

    kept: Headers
    """Every name as sent, in order; value None unless it is on the list."""
    cookies: tuple[str, ...] = ()
    """Values of Cookie fields: their names are kept."""
    host: str | None = None
    """The first value of Host."""
    canary: str | None = None
    """The last User-Agent that claims to be a canary's."""


_USERINFO = re.compile(r"((?:[a-z][a-z0-9+.-]*:)?[/\\]{2})?[^/\\?#]*@", re.IGNORECASE)
_SESSION_IN_PATH = re.compile(r"(;jsessionid=)[^/;?#]*", re.IGNORECASE)


def storable_uri(uri: str, *, keeps_query: bool) -> str:
    """A request target or Referer without what must not be stored.

    Query and fragment go unless they are wanted. A user's name and password (RFC 3986 section 3.2.1) and a
    session's id that replaces a cookie (Jakarta Servlet, section 7.1.3) always go.
    """
    if not keeps_query:
        uri = uri.partition("?")[0].partition("#")[0]
    if "@" in uri and (userinfo := _USERINFO.match(uri)):
        uri = (userinfo[1] or "") + uri[userinfo.end() :]
    return _SESSION_IN_PATH.sub(r"\1", uri) if ";" in uri else uri


SplitsHeaders = Callable[[Headers, frozenset[str], bool], SplitHeaders]


def split_headers(headers: Headers, kept_headers: frozenset[str], keeps_query: bool) -> SplitHeaders:
    """Split fields; `kept_headers` are lower-case names, `keeps_query` is `storable_uri`'s, for Referer."""
    kept: list[tuple[str, str | None]] = []
    cookies: list[str] = []
    host = canary = None
    for field in headers:
        name, value = field
        if value is None:
            kept.append(field)
            continue
        lower = name.lower()
        if lower == "user-agent" and value.startswith(PREFIX):
            canary = value
        if lower in kept_headers:
            if lower == "referer":
                value = storable_uri(value, keeps_query=keeps_query)
            kept.append((name, value[:MAX_VALUE_CHARS]))
            continue
        kept.append((name, None))
        if lower == "cookie":
            cookies.append(value)
        elif lower == "host" and host is None:
            host = value
    return SplitHeaders(tuple(kept), tuple(cookies), host, canary)

"""Header sets of browsers: recorded headers, with the optional ones put where each engine puts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sample_traffic.connections import Headers
from sample_traffic.sites import Kind
from sample_traffic.tcp_stack import TcpStack


class Engine(StrEnum):
    """Rendering engine: decides where optional headers go and how languages are written."""

    CHROMIUM = "chromium"
    GECKO = "gecko"
    WEBKIT = "webkit"


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser on one operating system, ready to compose the headers of any request."""

    name: str
    engine: Engine
    hello_clients: tuple[str, ...]
    """Recorded clients whose handshakes this browser makes."""
    stack: TcpStack
    templates: dict[Kind, Headers]
    weight: int
    is_mobile: bool
    divides_quality: bool = False
    """Accept-Language counts down to zero in equal steps, as Firefox did until 135; else in tenths."""

    def headers(
        self,
        kind: Kind,
        *,
        host: str,
        languages: tuple[str, ...] | None,
        referer: str | None = None,
        site: str = "same-origin",
        cookies: bool = False,
        validator: str | None = None,
        posted_bytes: int | None = None,
    ) -> Headers:
        """Headers of one request in the order in which the server lists them.

        `languages` None keeps the recorded Accept-Language; `site` is Sec-Fetch-Site; `validator` adds
        If-None-Match; `posted_bytes` makes it the submission of a form.
        """
        headers = dict(self.templates[kind])
        headers["Host"] = host
        headers["Sec-Fetch-Site"] = site
        headers.pop("Referer", None)
        if languages is not None and "Accept-Language" in headers:
            headers["Accept-Language"] = self._accept_language(languages)
        places = _PLACES[self.engine]
        ordered = list(headers.items())
        if cookies:
            ordered.insert(_after(ordered, places.cookie), ("Cookie", None))
        if referer is not None:
            ordered.insert(_after(ordered, places.referer), ("Referer", referer))
        if validator is not None:
            ordered.insert(_after(ordered, places.validator), ("If-None-Match", validator))
        if posted_bytes is not None:
            form = {
                "Content-Length": str(posted_bytes),
                "Cache-Control": "max-age=0",
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"https://{host}",
            }
            for name, place in places.form:
                ordered.insert(_after(ordered, place), (name, form[name]))
        return tuple(ordered)

    def _accept_language(self, languages: tuple[str, ...]) -> str:
        if self.engine is Engine.WEBKIT:
            wanted = [languages[0], languages[0].split("-")[0]]
        elif languages[0] == "en-US":
            wanted = ["en-US", "en"]
        elif self.engine is Engine.GECKO:
            wanted = [languages[-1], "en-US", "en"]
        else:
            wanted = [*languages, "en-US", "en"]
        wanted = list(dict.fromkeys(wanted))
        step = 1 / len(wanted) if self.divides_quality else 0.1
        return ",".join(
            f"{language};q={1 - step * rank:.1f}" if rank else language
            for rank, language in enumerate(wanted)
        )


@dataclass(frozen=True, slots=True)
class _Places:
    """The header after which each optional one goes; an empty name is the front."""

    referer: str
    cookie: str
    validator: str
    form: tuple[tuple[str, str], ...]
    """(header, place) of what submitting a form adds, in the order in which they are put in."""


_PLACES = {
    # As recorded in pcaps/chromium-resuming.pcap's events.
    Engine.CHROMIUM: _Places(
        referer="Sec-Fetch-Dest",
        cookie="Accept-Language",
        validator="Accept",
        form=(
            ("Content-Length", ""),
            ("Cache-Control", "Content-Length"),
            ("Content-Type", "Upgrade-Insecure-Requests"),
            ("Origin", "User-Agent"),
        ),
    ),
    # Referer as recorded; the others as Firefox is known to send them.
    Engine.GECKO: _Places(
        referer="Accept-Encoding",
        cookie="Accept-Encoding",
        validator="Sec-Fetch-Site",
        form=(
            ("Content-Type", "Accept-Encoding"),
            ("Content-Length", "Content-Type"),
            ("Origin", "Content-Length"),
        ),
    ),
    # Not recorded.
    Engine.WEBKIT: _Places(
        referer="Sec-Fetch-Mode",
        cookie="Accept-Encoding",
        validator="Accept",
        form=(
            ("Content-Type", "Accept"),
            ("Origin", "Content-Type"),
            ("Content-Length", "Origin"),
        ),
    ),
}


def replaced(headers: Headers, values: Mapping[str, str | None]) -> Headers:
    """`headers` with new values at the same places."""
    return tuple((name, values.get(name, value)) for name, value in headers)


def with_after(headers: Headers, place: str, header: tuple[str, str]) -> Headers:
    """`headers` with one more after `place`, unless it is there already."""
    if any(name == header[0] for name, _ in headers):
        return headers
    ordered = list(headers)
    ordered.insert(_after(ordered, place), header)
    return tuple(ordered)


def _after(headers: list[tuple[str, str | None]], place: str) -> int:
    """Index behind the header `place`, 0 for ""; before Host, the last, where it is absent."""
    if not place:
        return 0
    for index, (name, _) in enumerate(headers):
        if name == place:
            return index + 1
    return len(headers) - 1

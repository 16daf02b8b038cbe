"""One request with everything that is kept of it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from soc_dashboard.components.markup import chip, joined, mono, number, percent, text, utc_text
from soc_dashboard.components.pivots import pivot
from soc_dashboard.search.terms import Term
from soc_dashboard.store.rows import RequestDetail

MAX_HEADERS = 100


def request_card(request: RequestDetail, asked: Sequence[Term], span: str) -> Markup:
    """What was asked, by whom, over which connection, and how it is judged.

    `asked` and `span` are the search and time range that the links keep.
    """

    def search(field: str, value: str | None, limit: int = 64) -> Markup:
        if not value:
            return Markup('<span class="muted">none</span>')
        return pivot(field, value, mono(value, limit, copy=False), asked, span)

    return Markup('<div class="evidence"><h2 dir="ltr">{} {}</h2><p>{} {}</p>{}{}{}{}</div>').format(
        text(request.method, 20),
        text(request.path, 200),
        chip(request.verdict),
        text(request.reason or "The client's hour has no verdict yet."),
        _section(
            "Request",
            ("Time", Markup("{}").format(utc_text(request.ts))),
            ("Host", search("host", request.host)),
            ("Path", search("path", request.path, 120)),
            ("Status", search("status", str(request.status))),
            ("Protocol", search("protocol", request.protocol)),
            ("Scheme", text(request.scheme)),
            ("Response", Markup("{} bytes in {}").format(number(request.response_bytes), _took(request))),
            ("Referer", search("referer", request.referer, 120)),
        ),
        _section(
            "Client",
            ("Address", search("ip", request.client_ip)),
            ("Connected from", mono(request.peer_ip)),
            ("User agent", search("ua", request.user_agent, 120)),
            ("Family", search("ua_family", request.ua_family)),
            ("Network", search("asn", str(request.asn) if request.asn else None)),
            ("Kind", search("network", request.asn_kind)),
            ("Cloud", search("cloud", request.cloud)),
            ("Country", search("country", request.country)),
            ("Crawler", text(request.crawler_state or "no claim")),
        ),
        _section(
            "Connection",
            ("JA4", search("ja4", request.ja4)),
            ("JA4 stable", search("ja4_stable", request.ja4_stable)),
            ("Joined", search("join", request.join_state)),
            ("Confidence", Markup("{}").format(percent(request.join_confidence, 0))),
            ("Sensor", search("sensor", request.sensor)),
            ("Connection", mono(request.conn_id)),
            ("Request on it", Markup("{}").format(number(request.request_seq_on_conn))),
        ),
        _headers(request),
    )


def gone() -> Markup:
    """The request is no longer in the mart."""
    return Markup(
        '<div class="evidence"><p>This request is no longer kept: '
        "its hour was rebuilt or has expired.</p></div>"
    )


def _took(request: RequestDetail) -> str:
    return "unknown time" if request.duration_us is None else f"{number(request.duration_us / 1000, 1)} ms"


def _section(name: str, *facts: tuple[str, Markup]) -> Markup:
    return Markup("<h3>{}</h3><dl>{}</dl>").format(
        name, joined([Markup("<dt>{}</dt><dd>{}</dd>").format(*fact) for fact in facts])
    )


def _headers(request: RequestDetail) -> Markup:
    if not request.header_names:
        return Markup("")
    shown = request.header_names[:MAX_HEADERS]
    more = len(request.header_names) - len(shown)
    return Markup('<h3>Header names in order</h3><p class="mono">{}{}</p>').format(
        joined([Markup("{}<br>").format(text(name, 80)) for name in shown]),
        f"and {more} more" if more else "",
    )

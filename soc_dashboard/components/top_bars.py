"""The commonest values of one kind, as bars: all requests, and the hostile part of them."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from markupsafe import Markup

from soc_dashboard.components.cards import head
from soc_dashboard.components.markup import joined, number, percent, text, visible
from soc_dashboard.components.states import asked_text, empty
from soc_dashboard.store.rows import TopValue
from soc_dashboard.store.tops import Top
from soc_dashboard.window import Window

TITLES = {
    Top.ASN: "Networks",
    Top.COUNTRY: "Countries",
    Top.JA4_STABLE: "Fingerprints",
    Top.HOST: "Hosts",
}
UNKNOWN = {
    Top.ASN: "unknown network",
    Top.COUNTRY: "unknown country",
    Top.JA4_STABLE: "no handshake seen",
    Top.HOST: "(no host)",
}
_PAGES = {Top.ASN: "/asn/", Top.JA4_STABLE: "/ja4/", Top.HOST: "/host/"}


def top_bars(top: Top, rows: Sequence[TopValue], window: Window, span: str) -> Markup:
    """A card's title and one bar per value; `span` is the time range as a query."""
    whole = rows[0].total if rows else 0
    note = f"{len(rows)} of {number(whole)}, hostile first" if whole > len(rows) else "hostile part in red"
    title = head(TITLES[top], note if rows else "")
    if not rows:
        return title + empty("No requests in this range", asked_text(window), "Widen the range to see more.")
    widest = max(row.requests for row in rows) or 1
    bars = [
        Markup(
            '<div class="bar-row" title="{}: {} of {} requests hostile, {} clients">{}'
            '<span class="figure"><b>{}</b> · {}</span><span class="track">'
            '<i class="hostile" style="width:{:.2f}%"></i><i style="width:{:.2f}%"></i></span></div>'
        ).format(
            visible(row.value, 80) or UNKNOWN[top],
            number(row.hostile_requests),
            number(row.requests),
            number(row.clients),
            _name(top, row.value, span),
            number(row.requests),
            percent(row.hostile_requests / row.requests if row.requests else None, 0),
            row.hostile_requests / widest * 100,
            (row.requests - row.hostile_requests) / widest * 100,
        )
        for row in rows
    ]
    return title + Markup('<div class="bars">{}</div>').format(joined(bars))


def _name(top: Top, value: str, span: str) -> Markup:
    """The value, linked to its page if it has one."""
    if not value:
        return Markup('<span class="name muted">{}</span>').format(UNKNOWN[top])
    shown = text(f"AS{value}" if top is Top.ASN else value, 80)
    css_class = "name mono" if top is Top.JA4_STABLE else "name"
    if top not in _PAGES:
        return Markup('<span class="{}">{}</span>').format(css_class, shown)
    return Markup('<a class="{}" href="{}{}{}">{}</a>').format(
        css_class, _PAGES[top], quote(value, safe=""), span, shown
    )

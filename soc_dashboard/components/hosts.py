"""Hosts by hostile requests."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from markupsafe import Markup

from soc_dashboard.components.markup import number, percent, text, visible
from soc_dashboard.components.states import asked_text, empty
from soc_dashboard.store.rows import HostLoad
from soc_dashboard.window import Window


def host_bars(hosts: Sequence[HostLoad], window: Window, span: str) -> Markup:
    """One bar per host: all its requests, the hostile part in red; `span` is the time range as a query."""
    if not hosts:
        return empty("No hosts in this range", asked_text(window), "Widen the range to see more.")
    widest = max(row.requests for row in hosts) or 1
    rows = [
        Markup(
            '<div class="bar-row" title="{}: {} of {} requests from {} hostile entities">{}'
            '<span class="figure"><b>{}</b> · {}</span><span class="track">'
            '<i class="hostile" style="width:{:.2f}%"></i><i style="width:{:.2f}%"></i></span></div>'
        ).format(
            visible(row.host, 80),
            number(row.hostile_requests),
            number(row.requests),
            number(row.entities),
            _name(row.host, span),
            number(row.hostile_requests),
            percent(row.hostile_requests / row.requests if row.requests else None),
            row.hostile_requests / widest * 100,
            (row.requests - row.hostile_requests) / widest * 100,
        )
        for row in hosts
    ]
    return Markup('<div class="bars">{}</div>').format(Markup("").join(rows))


def _name(host: str, span: str) -> Markup:
    """The host, linked to its page; requests without one have none."""
    if not host:
        return Markup('<span class="name">(no host)</span>')
    return Markup('<a class="name" href="/host/{}{}">{}</a>').format(
        quote(host, safe=""), span, text(host, 80)
    )

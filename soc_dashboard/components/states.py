"""What a page shows when it has no figures yet, none at all, old ones, or could not read them."""

from __future__ import annotations

from datetime import datetime, timedelta

from markupsafe import Markup

from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import ago_text, number, percent, utc_text
from soc_dashboard.store.overview import Capture
from soc_dashboard.window import Window

STALE_AFTER = timedelta(minutes=10)
"""Marts follow the traffic every five minutes; twice that means that something stands still."""
LOSS_WORTH_SAYING = 0.001
JOIN_WORTH_SAYING = 0.95


def skeleton_kpis(count: int) -> Markup:
    """Grey cards in the place of key figures."""
    card = Markup(
        '<div class="kpi"><div class="skeleton" style="width:45%;height:12px;margin:2px 0"></div>'
        '<div class="skeleton" style="width:65%;height:24px;margin:6px 0"></div>'
        '<div class="skeleton" style="width:80%;height:12px"></div></div>'
    )
    return Markup('<div class="kpis{}" role="status" aria-busy="true" aria-label="Loading">{}</div>').format(
        " eight" if count > 4 else "", card * count
    )


def skeleton_block(height: int) -> Markup:
    """A grey block in the place of a chart or table."""
    return Markup(
        '<div style="padding:8px 14px 14px"><div class="skeleton" style="height:{}px"></div></div>'
    ).format(height)


def asked_text(window: Window, filters: str = "") -> str:
    """The question in words: the span and the filters."""
    span = f"between {utc_text(window.since)} and {utc_text(window.until)}"
    return f"{span}, {filters}" if filters else span


def empty(title: str, asked: str, advice: str, offer: Markup | None = None) -> Markup:
    """An empty result: what was asked, what to try, and a link that tries it."""
    return Markup('<div class="empty" role="status"><strong>{}</strong>Asked: {}. {}{}</div>').format(
        title, asked, advice, Markup("<p>{}</p>").format(offer) if offer else ""
    )


def mistake(reason: str) -> Markup:
    """A query that could not be understood."""
    return Markup(
        '<div class="empty" role="status"><strong>This query cannot be understood</strong>{}.</div>'
    ).format(reason)


def newest_link(newest: datetime | None) -> Markup | None:
    """A link to the last day that has data; None when there is no data at all."""
    if newest is None:
        return None
    until = int(newest.timestamp()) + 60
    return Markup(
        '<a href="?range=custom&amp;from={}&amp;to={}">Show the last 24 hours with data</a>'
    ).format(until - 86400, until)


def failed_banner(query: str, reason: str, read_at: datetime | None) -> Markup:
    """A read that failed, and the time of the figures that are still shown; a retry button follows it."""
    kept = f" Figures below are as of {utc_text(read_at)}." if read_at else ""
    return Markup(
        '<div class="banner failed" role="alert">{}<span>Could not read {}.</span>'
        '<span class="detail">Reason: {}.{}</span></div>'
    ).format(icon("warning"), query.replace("_", " "), reason.rstrip("."), kept)


def stale_banner(newest: datetime | None, window: Window, now: datetime) -> Markup:
    """The age of the newest data when it is old and the window reaches past it; empty otherwise."""
    if newest is None or min(now, window.until) - newest <= STALE_AFTER:
        return Markup("")
    return Markup(
        '<div class="banner" role="status">{}<span>Newest data is {}.</span>'
        '<span class="detail">Last request minute {}. Figures up to now are incomplete.</span></div>'
    ).format(icon("warning"), ago_text(newest, now), utc_text(newest))


def loss_banner(capture: Capture, requests: int) -> Markup:
    """Capture or join loss in the window, with what it does to the figures; empty when negligible.

    `requests` is the page's own count, which the loss makes too small.
    """
    parts: list[str] = []
    loss = capture.loss_ratio
    if loss is not None and loss > LOSS_WORTH_SAYING:
        parts.append(f"sensors lost {percent(loss, 2)} of frames")
    if capture.events_lost:
        parts.append(f"{number(capture.events_lost)} HTTP events never arrived")
    join = capture.join_ratio
    if join is not None and join < JOIN_WORTH_SAYING:
        parts.append(f"{percent(1 - join)} of TLS requests have no handshake")
    if not parts:
        return Markup("")
    return Markup(
        '<div class="banner" role="status">{}<span>Capture loss: {}.</span>'
        '<span class="detail">Requests in this range: at least {}, about {} with what was lost.</span></div>'
    ).format(icon("warning"), ", ".join(parts), number(requests), number(capture.corrected(requests)))

"""What asks for attention: campaigns and alerts, what is new to the person first, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from markupsafe import Markup

from soc_dashboard.components.cards import head
from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import ago, ago_text, chip, joined, number, text, utc_text, visible
from soc_dashboard.components.states import asked_text, empty
from soc_dashboard.search.terms import Term, written
from soc_dashboard.store.alert_rows import Alert
from soc_dashboard.store.campaign_rows import Campaign
from soc_dashboard.window import Window

MAX_SHOWN = 8
MAX_CAMPAIGNS = 3
"""Of those shown, so that single attackers are not crowded out."""


def attention_list(
    campaigns: Sequence[Campaign],
    alerts: Sequence[Alert],
    looked: datetime | None,
    window: Window,
    now: datetime,
    span: str,
) -> Markup:
    """A card's title and at most MAX_SHOWN lines; `span` is the time range as a query.

    `looked` is the end of the person's last visit; None at the first, when nothing is called new.
    """
    waiting = alerts[0].total if alerts else 0
    grouped = campaigns[0].total if campaigns else 0
    links = Markup('<a href="/campaigns{}">{} campaigns</a> · <a href="/alerts{}">{} alerts</a>').format(
        span, number(grouped), span, number(waiting)
    )
    groups = [(_is_new(row.first_seen, looked), _campaign(row, looked, now, span)) for row in campaigns]
    single = [(_is_new(row.first_ts, looked), _alert(row, looked, now, span)) for row in alerts]
    lines = [*groups[:MAX_CAMPAIGNS], *single][:MAX_SHOWN]
    # The sort is stable: campaigns before alerts, and each of them in its own order.
    shown = [line for _, line in sorted(lines, key=lambda entry: not entry[0])]
    note = _note(sum(is_new for is_new, _ in lines), looked, now)
    title = head("Asks for a decision", note, links)
    if not shown:
        return title + empty(
            "Nothing waits for a decision", asked_text(window), "Widen the range to see more."
        )
    return title + Markup('<ol class="attention">{}</ol>').format(joined(shown))


def _note(new: int, looked: datetime | None, now: datetime) -> str:
    if looked is None:
        return "worst first"
    since = f"since you looked {ago_text(looked, now)}"
    return f"{new} new {since}, then what still waits" if new else f"nothing new {since}"


def _is_new(first: datetime, looked: datetime | None) -> bool:
    return looked is not None and first > looked


def _line(kind: Markup, href: str, sentence: str, facts: Sequence[Markup], is_new: bool) -> Markup:
    return Markup('<li>{}{}<a href="{}" title="{}">{}</a><span class="facts">{}</span></li>').format(
        kind,
        Markup('<b class="new">New</b>') if is_new else "",
        href,
        visible(sentence, 400),
        text(sentence, 240),
        joined([Markup("<span>{}</span>").format(fact) for fact in facts]),
    )


def _campaign(row: Campaign, looked: datetime | None, now: datetime, span: str) -> Markup:
    return _line(
        Markup('<span class="chip campaign">{}Campaign</span>').format(icon("campaigns")),
        f"/cluster/{quote(row.campaign_id, safe='')}{span}",
        row.summary or f"Campaign {row.campaign_id}",
        [
            Markup("<b>{}</b> members").format(number(row.entities)),
            Markup("{} requests").format(number(row.requests_inside)),
            Markup("{}").format(ago(row.last_seen, now)),
        ],
        _is_new(row.first_seen, looked),
    )


def _alert(row: Alert, looked: datetime | None, now: datetime, span: str) -> Markup:
    terms = [Term("ip", row.client_ip)]
    if row.ja4_stable:
        terms.append(Term("ja4", row.ja4_stable, is_quoted="*" in row.ja4_stable))
    query = urlencode({"q": written(terms)})
    return _line(
        chip(row.verdict),
        f"/alerts{span}&{query}" if span else f"/alerts?{query}",
        row.reason or "No reason was recorded.",
        [
            Markup('<span class="mono">{}</span> on {}').format(
                text(row.client_ip), text(row.host or "(no host)", 40)
            ),
            Markup("{} requests").format(number(row.requests)),
            Markup('<time title="{}">{}</time>').format(utc_text(row.last_ts), ago_text(row.last_ts, now)),
        ],
        _is_new(row.first_ts, looked),
    )

"""The review queue as a table, further facts of one alert, and what its alerts have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

import pandas as pd
from markupsafe import Markup

from soc_dashboard.components.frames import CELL
from soc_dashboard.components.markup import (
    ago_text,
    chip,
    joined,
    number,
    score_text,
    text,
    utc_text,
    visible,
)
from soc_dashboard.filters import MAX_TEXT
from soc_dashboard.search.terms import Term, written
from soc_dashboard.store.alert_rows import Alert, AlertFacet, ReviewOrder

ALERT_COLUMNS = [
    "verdict",
    "reason",
    "client_ip",
    "ja4_stable",
    "host",
    "asn",
    "requests",
    "suspicion",
    "last_ts",
]
FACET_NAMES = {"rule": "Decided by", "host": "Host", "asn": "Network"}


def alert_frame(rows: Sequence[Alert], now: datetime) -> pd.DataFrame:
    """Columns ALERT_COLUMNS; `verdict` is markup of our own, everything else is text or a number."""
    return pd.DataFrame(
        [
            (
                str(chip(row.verdict)),
                visible(row.reason or "No reason was recorded.", CELL),
                row.client_ip,
                visible(row.ja4_stable, CELL),
                visible(row.host, CELL),
                network_text(row.asn, row.country),
                row.requests,
                score_text(row.suspicion),
                ago_text(row.last_ts, now),
            )
            for row in rows
        ],
        columns=ALERT_COLUMNS,
    )


def network_text(asn: int, country: str) -> str:
    """A network by number and country; a dash where neither is known."""
    parts = [f"AS{asn}" if asn else "", visible(country, 8)]
    return " ".join(filter(None, parts)) or "–"


def alert_facts(alert: Alert, query: str) -> list[tuple[str, Markup]]:
    """Lines that the drawer has for an alert beside those of any entity."""
    network = (
        Markup('<a href="/asn/{}{}">{}</a>').format(alert.asn, query, network_text(alert.asn, alert.country))
        if alert.asn
        else Markup("unknown")
    )
    chance = (
        Markup("p {:.4g} <span class=muted>of people's hours are at least as strange</span>").format(
            alert.p_value
        )
        if alert.p_value is not None
        else Markup("not scored")
    )
    review = (
        [
            (
                "Review order",
                Markup("{:.3f} <span class=muted>0.5 is the model's alert threshold</span>").format(
                    alert.review_score
                ),
            )
        ]
        if alert.review_score is not None
        else []
    )
    return [
        *review,
        ("By chance", chance),
        ("Network", network),
        (
            "Since",
            Markup("{} <span class=muted>hostile in {} {}</span>").format(
                utc_text(alert.first_ts), number(alert.hours), "hour" if alert.hours == 1 else "hours"
            ),
        ),
    ]


def review_words(order: ReviewOrder | None) -> Markup:
    """What the order that labels teach is, and what it was learnt from."""
    if order is None:
        return Markup(
            '<p class="order-note" role="status"><b>No label has taught an order in this range '
            "yet</b>, so this is the usual one. Each scoring after the first label makes it anew.</p>"
        )
    return Markup(
        '<p class="order-note" role="status"><b>What labels teach first.</b> Learnt from {} labelled {} by '
        "reweighting the trees of {} {}, as of {}. Entities like those called bots rise, those like people "
        "sink. It orders what to look at and judges nothing; scores and verdicts stay as they are.</p>"
    ).format(
        number(order.labels_used),
        "hour of an entity" if order.labels_used == 1 else "hours of entities",
        text(order.model_name, 60),
        text(order.model_version, 20),
        utc_text(order.computed_at),
    )


def facet_strip(facets: Sequence[AlertFacet], asked: Sequence[Term], kept: str) -> Markup:
    """What the alerts have in common, each value a link that narrows the queue to it.

    `kept` is the rest of the page's query, without its question mark. A value too long for a URL is left out.
    """
    groups = [
        Markup('<span class="facet"><b>{}</b>{}</span>').format(
            name,
            joined([_facet(facet, asked, kept) for facet in facets if facet.field == field]),
        )
        for field, name in FACET_NAMES.items()
        if any(facet.field == field for facet in facets)
    ]
    return Markup('<div class="facets">{}</div>').format(joined(groups)) if groups else Markup("")


def _facet(facet: AlertFacet, asked: Sequence[Term], kept: str) -> Markup:
    term = Term(facet.field, facet.value, is_quoted="*" in facet.value)
    others = [term for term in asked if term.field != facet.field]
    is_chosen = len(others) < len(asked) and any(
        (other.field, other.value) == (facet.field, facet.value) for other in asked
    )
    query = written(others if is_chosen else [*others, term])
    if "\0" in facet.value or len(query) > MAX_TEXT:
        return Markup("")
    asked_query = urlencode({"q": query}, quote_via=quote) if query else ""
    return Markup('<a class="facet-value{}" href="/alerts?{}" title="{}">{} <span>{}</span></a>').format(
        " chosen" if is_chosen else "",
        "&".join(filter(None, (kept, asked_query))),
        f"{'Any' if is_chosen else 'Only'} {FACET_NAMES[facet.field].lower()}: {visible(facet.value, 120)}",
        text(f"AS{facet.value}" if facet.field == "asn" else facet.value, 40),
        number(facet.entities),
    )

"""The review queue: entities judged suspicious or bad bot that nobody decided yet."""

from __future__ import annotations

from collections.abc import Sequence

from soc_dashboard.search.conditions import conditions
from soc_dashboard.search.fields import Grain
from soc_dashboard.search.terms import Term
from soc_dashboard.store.alert_rows import Alert, AlertFacet, ReviewOrder
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import PageRequest, span_parameters
from soc_dashboard.verdicts import SEVERITY
from soc_dashboard.window import Window

TOP_VALUES = 4
_SORTED = {
    "client_ip": "replaceRegexpOne(toString(address), '^::ffff:([0-9.]+)$', '\\\\1')",
    "ja4_stable": "ja4_stable",
    "host": "host",
    "requests": "requests",
    "score": "ifNull(score, -1)",
    "suspicion": "suspicion",
    "asn": "asn",
    "reason": "reason",
    "last_ts": "last_ts",
}
REVIEW = "review"
"""The sort order that labels teach; every other sort is a column."""
REVIEW_RANKS = (
    "left join (select hour, client_ip, ja4_stable, host, toNullable(review_score) as review_score"
    " from fct_review_rank"
    " where hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))"
    " and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')) as review"
    " using (hour, client_ip, ja4_stable, host)"
)
"""Joined for REVIEW alone: a rank for every entity that was scored is more than the queue has rows."""
NO_REVIEW_SCORE = "cast(null as Nullable(Float64))"
ORDERS = {
    (column, descending): f"{sql} {'desc' if descending else 'asc'},"
    for column, sql in _SORTED.items()
    for descending in (True, False)
}
"""Column and direction -> what comes before the order of the query, most suspicious first."""
ORDERS |= {(REVIEW, descending): "ifNull(review_score, -1) desc," for descending in (True, False)}


async def read_alerts(
    marts: MartDatabase, terms: Sequence[Term], window: Window, wanted: PageRequest
) -> list[Alert]:
    """One page of the queue, most suspicious first unless `wanted` says otherwise.

    Sorted by REVIEW, alerts without a rank come last. The rank is read for that order only.

    Raises SearchError for a term that alerts do not know, StoreFailedError when the read fails.
    """
    search = conditions(terms, Grain.ALERT)
    return await marts.fetch(
        "alerts",
        Alert,
        {
            **span_parameters(window),
            **wanted.page_parameters(),
            **search.parameters,
            "verdict": wanted.verdict,
            "severity": list(SEVERITY),
        },
        {
            "search": search.sql,
            "order": ORDERS.get((wanted.sort, wanted.descending), ""),
            "review": REVIEW_RANKS if wanted.sort == REVIEW else "",
            "review_score": "review.review_score" if wanted.sort == REVIEW else NO_REVIEW_SCORE,
        },
    )


async def read_alert_facets(marts: MartDatabase, terms: Sequence[Term], window: Window) -> list[AlertFacet]:
    """The commonest rules, hosts and networks of the queue, TOP_VALUES of each."""
    search = conditions(terms, Grain.ALERT)
    return await marts.fetch(
        "alert_facets",
        AlertFacet,
        {**span_parameters(window), **search.parameters, "limit": TOP_VALUES},
        {"search": search.sql},
    )


async def maybe_review_order(marts: MartDatabase, window: Window) -> ReviewOrder | None:
    """What the order that labels teach was learnt from; None while nobody labelled anything."""
    found = await marts.fetch("review_order", ReviewOrder, span_parameters(window))
    return found[0] if found else None

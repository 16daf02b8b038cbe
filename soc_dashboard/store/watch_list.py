"""The watch list, and what labels decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import PageRequest, span_parameters
from soc_dashboard.store.rows import Row
from soc_dashboard.window import Window

SORTED = ("client_ip", "ja4_stable", "host", "requests", "last_hour", "labelled_at")
ORDERS = {
    (column, descending): f"{column} {'desc' if descending else 'asc'},"
    for column in SORTED
    for descending in (True, False)
}
"""Column and direction -> what comes before the order of the query, busiest first."""


class WatchedEntity(Row, frozen=True, kw_only=True):
    """watched_entities: an entity of the last 24 hours that resembles a labelled bad bot."""

    client_ip: str
    ja4_stable: str
    host: str
    first_hour: datetime
    last_hour: datetime
    hours: int
    """Of the 24, those in which it was seen."""
    requests: int
    verdict: str
    score: float | None
    shares_network: bool
    """It is in the /24 or /64 of a labelled one."""
    shares_ja4: bool
    """It has the rare JA4 of a labelled one."""
    ja4_bits: float | None
    """How rare that JA4 is, -log2 of its share of addresses; None if none is shared."""
    label_id: str
    labelled_at: datetime
    """When that label was given: since then it is watched."""
    user: str
    note: str
    total: int


class LabelHits(Row, frozen=True, kw_only=True):
    """label_hits: what one label decided in the window."""

    label_id: str
    entities: int
    requests: int
    last_ts: datetime


async def read_watched(marts: MartDatabase, wanted: PageRequest) -> list[WatchedEntity]:
    """One page of the watch list, busiest first unless `wanted` says otherwise."""
    return await marts.fetch(
        "watched_entities",
        WatchedEntity,
        {**wanted.page_parameters(), "needle": wanted.needle},
        {"order": ORDERS.get((wanted.sort, wanted.descending), "")},
    )


async def read_label_hits(
    marts: MartDatabase, label_ids: Sequence[str], window: Window
) -> dict[str, LabelHits]:
    """What each of the labels decided in the window; one that decided nothing is absent."""
    if not label_ids:
        return {}
    found = await marts.fetch(
        "label_hits", LabelHits, {**span_parameters(window), "label_ids": list(label_ids)}
    )
    return {row.label_id: row for row in found}

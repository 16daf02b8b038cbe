"""What the overview shows, read in parallel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from soc_dashboard.search.conditions import conditions
from soc_dashboard.search.fields import Grain
from soc_dashboard.search.terms import Term
from soc_dashboard.store.database import MartDatabase, Parameter
from soc_dashboard.store.rows import (
    Entity,
    Extent,
    HostLoad,
    JoinAccuracy,
    NewSuspects,
    SensorLedger,
    VerdictBucket,
    VerdictTotal,
)
from soc_dashboard.verdicts import BOTS, HOSTILE, SEVERITY
from soc_dashboard.window import Window

TOP_HOSTS = 8
PAGE_ROWS = 25
JOIN_ACCURACY_SPAN = timedelta(hours=1)
HOUR_S = 3600

_ADDRESS = r"replaceRegexpOne(toString(address), '^::ffff:([0-9.]+)$', '\\1')"
_SORTED = {
    "": "severity",
    "verdict": "severity",
    "client_ip": _ADDRESS,
    "ja4_stable": "ja4_stable",
    "host": "host",
    "requests": "requests",
    "score": "ifNull(score, -1)",
    "reason": "reason",
    "user_agent": "user_agent",
    "last_ts": "last_ts",
}
ENTITY_ORDERS = {
    (column, descending): f"{sql} {'desc' if descending else 'asc'},"
    for column, sql in _SORTED.items()
    for descending in (True, False)
}
"""Column and direction -> what comes first in the order of entities."""
CONTAINS = " and ({})".format(
    " or ".join(
        f"positionCaseInsensitiveUTF8({text}, {{needle:String}}) > 0"
        for text in (_ADDRESS, "ja4_stable", "host", "reason", "user_agent")
    )
)
"""Condition that a shown value of an entity holds the needle; without it no text of all entities is read."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What the sensors lost in one window. Ratios are None where nothing was observed."""

    sensors: tuple[SensorLedger, ...]

    @property
    def loss_ratio(self) -> float | None:
        """Frames the kernel dropped, of all frames that reached the sensors."""
        dropped = sum(row.frames_dropped_kernel for row in self.sensors)
        return _ratio(dropped, dropped + sum(row.frames_seen for row in self.sensors))

    @property
    def events_lost(self) -> int:
        """HTTP events that never arrived or were given up."""
        return sum(row.http_events_lost + row.http_events_dropped for row in self.sensors)

    @property
    def join_ratio(self) -> float | None:
        """TLS requests joined with their hello, of all TLS requests."""
        return _ratio(
            sum(row.requests_matched for row in self.sensors), sum(row.requests_tls for row in self.sensors)
        )

    def corrected(self, requests: int) -> int:
        """About how many requests there were, if loss struck these as it struck all."""
        arrived = sum(row.http_events_seen - row.http_events_dropped for row in self.sensors)
        told = requests * (1 + (_ratio(self.events_lost, arrived) or 0))
        loss = self.loss_ratio or 0
        return round(told / (1 - loss)) if loss < 1 else round(told)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Figures of one window. Ratios are None where their denominator is zero: nothing was observed."""

    window: Window
    totals: tuple[VerdictTotal, ...]
    suspects: NewSuspects
    sensors: tuple[SensorLedger, ...]

    @property
    def requests(self) -> int:
        """All requests."""
        return sum(row.requests for row in self.totals)

    @property
    def bot_ratio(self) -> float | None:
        """Requests of entities judged good or bad bot, of all requests."""
        return _ratio(sum(row.requests for row in self.totals if row.verdict in BOTS), self.requests)

    def verdict_ratio(self, verdict: str) -> float | None:
        """Requests with this verdict, of all requests."""
        return _ratio(sum(row.requests for row in self.totals if row.verdict == verdict), self.requests)

    @property
    def capture(self) -> Capture:
        """What the sensors lost in it."""
        return Capture(self.sensors)


@dataclass(frozen=True, slots=True)
class Overview:
    """One reading of the overview."""

    as_of: datetime
    extent: Extent
    now: Traffic
    before: Traffic | None
    """The comparison window, None when the data does not reach back."""
    timeline: tuple[VerdictBucket, ...]
    hosts: tuple[HostLoad, ...]
    joins: tuple[JoinAccuracy, ...]
    """Of the last hour of the window; empty where no canary runs."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which rows of a server-paged table are wanted."""

    needle: str = ""
    verdict: str = ""
    sort: str = ""
    descending: bool = True
    page: int = 1
    page_rows: int = PAGE_ROWS

    def parameters(self) -> dict[str, Parameter]:
        """Bound parameters that every paged query takes."""
        return {
            "needle": self.needle,
            "verdict": self.verdict,
            "sort": self.sort,
            "sign": -1 if self.descending else 1,
            **self.page_parameters(),
        }

    def page_parameters(self) -> dict[str, Parameter]:
        """Which rows of the result the page shows."""
        return {"limit": self.page_rows, "offset": (self.page - 1) * self.page_rows}


async def read_overview(marts: MartDatabase, window: Window, as_of: datetime) -> Overview:
    """Read everything but the table; two rounds, because the comparison depends on how far the "
    "data reaches."""
    span = span_parameters(window)
    extent_rows, now, timeline, hosts, joins = await asyncio.gather(
        marts.fetch("data_extent", Extent, {}),
        read_traffic(marts, window),
        read_timeline(marts, window, span),
        marts.fetch("top_hosts", HostLoad, {**span, "limit": TOP_HOSTS}),
        read_join_accuracy(marts, min(window.until, as_of)),
    )
    extent = extent_rows[0]
    earlier = window.comparison(extent.oldest)
    before = await read_traffic(marts, earlier) if earlier else None
    return Overview(as_of, extent, now, before, tuple(timeline), tuple(hosts), tuple(joins))


async def read_timeline(
    marts: MartDatabase,
    window: Window,
    parameters: Mapping[str, Parameter],
    fragments: Mapping[str, str] | None = None,
) -> list[VerdictBucket]:
    """Requests per bar of the window and verdict; `parameters` hold its bounds and what `fragments` bind."""
    query = "verdict_timeline" if window.bucket_s < HOUR_S else "verdict_hours"
    return await marts.fetch(query, VerdictBucket, {**parameters, "bucket_s": window.bucket_s}, fragments)


async def read_traffic(marts: MartDatabase, window: Window) -> Traffic:
    """Read the figures that are compared between two windows."""
    span = span_parameters(window)
    totals, suspects, sensors = await asyncio.gather(
        marts.fetch("verdict_totals", VerdictTotal, span),
        marts.fetch("new_suspicious_entities", NewSuspects, span),
        marts.fetch("sensor_ledger", SensorLedger, span),
    )
    return Traffic(window, tuple(totals), suspects[0], tuple(sensors))


async def read_capture(marts: MartDatabase, window: Window) -> Capture:
    """Read what the sensors lost in the window."""
    return Capture(tuple(await marts.fetch("sensor_ledger", SensorLedger, span_parameters(window))))


async def read_join_accuracy(marts: MartDatabase, until: datetime) -> list[JoinAccuracy]:
    """How right the joins were in the hour that ends at `until`, by sensor; empty without a canary."""
    return await marts.fetch(
        "join_accuracy", JoinAccuracy, span_parameters(Window(until - JOIN_ACCURACY_SPAN, until))
    )


async def read_entities(
    marts: MartDatabase,
    window: Window,
    wanted: PageRequest,
    scope: Sequence[Term] = (),
    verdicts: Sequence[str] = HOSTILE,
) -> list[Entity]:
    """One page of the entities in `scope`, worst first unless `wanted.sort` says otherwise.

    Without `wanted.verdict` those with one of `verdicts`.
    """
    search = conditions(scope, Grain.KEY)
    return await marts.fetch(
        "entities",
        Entity,
        {
            **span_parameters(window),
            **wanted.page_parameters(),
            **search.parameters,
            "needle": wanted.needle,
            "severity": list(SEVERITY),
            "verdicts": [wanted.verdict] if wanted.verdict else list(verdicts),
        },
        {
            "scope": search.sql,
            "search": CONTAINS if wanted.needle else "",
            "order": ENTITY_ORDERS.get((wanted.sort, wanted.descending), ENTITY_ORDERS["", True]),
        },
    )


def span_parameters(window: Window) -> Mapping[str, Parameter]:
    """The two bounds every windowed query takes."""
    return {"since_us": window.since_us, "until_us": window.until_us}


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None

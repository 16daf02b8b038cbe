"""Which tables can be exported, and how each is read: as on its page, without its paging."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from soc_dashboard.search.terms import Term, parse
from soc_dashboard.store.alert_rows import Alert
from soc_dashboard.store.alerts import read_alerts
from soc_dashboard.store.audit import read_audit
from soc_dashboard.store.campaign_rows import Campaign
from soc_dashboard.store.campaigns import STATUSES, read_campaigns
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.fingerprint import read_clients, read_fingerprints
from soc_dashboard.store.labels import read_labels
from soc_dashboard.store.overview import PageRequest, read_entities
from soc_dashboard.store.requests import read_requests
from soc_dashboard.store.rows import (
    AuditRow,
    ClientRow,
    Entity,
    FingerprintLoad,
    LabelRow,
    RequestRow,
    Row,
)
from soc_dashboard.store.watch_list import WatchedEntity, read_watched
from soc_dashboard.verdicts import HOSTILE, SEVERITY
from soc_dashboard.window import Window


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of an export asks for."""

    window: Window
    wanted: PageRequest
    scope: tuple[Term, ...]
    """The subject of the page; none for a page about everything."""
    action: str = ""
    status: str = ""
    """State of campaigns; empty for every one."""
    is_ranged: bool = False
    is_active_only: bool = False


@dataclass(frozen=True, slots=True)
class ExportTable:
    """One table that can be exported."""

    row_type: type[Row]
    read: Callable[[MartDatabase, Asked], Awaitable[Sequence[Row]]]


async def _requests(marts: MartDatabase, asked: Asked) -> Sequence[Row]:
    terms = (*asked.scope, *parse(asked.wanted.needle))
    return await read_requests(marts, terms, asked.window, asked.wanted)


async def _alerts(marts: MartDatabase, asked: Asked) -> Sequence[Row]:
    return await read_alerts(marts, parse(asked.wanted.needle), asked.window, asked.wanted)


async def _entities(marts: MartDatabase, asked: Asked) -> Sequence[Row]:
    verdicts = SEVERITY if asked.scope else HOSTILE
    return await read_entities(marts, asked.window, asked.wanted, asked.scope, verdicts)


async def _clients(marts: MartDatabase, asked: Asked) -> Sequence[Row]:
    stable = next((term.value for term in asked.scope if term.field == "ja4_stable"), "")
    return await read_clients(marts, stable, asked.window, asked.wanted)


async def _fingerprints(marts: MartDatabase, asked: Asked) -> Sequence[Row]:
    return await read_fingerprints(marts, asked.window, asked.wanted)


async def _campaigns(marts: MartDatabase, asked: Asked) -> Sequence[Row]:
    statuses = [asked.status] if asked.status else STATUSES
    return await read_campaigns(marts, asked.window, asked.wanted, statuses)


async def _labels(marts: MartDatabase, asked: Asked) -> Sequence[Row]:
    return await read_labels(marts, asked.wanted, is_active_only=asked.is_active_only)


async def _watched(marts: MartDatabase, asked: Asked) -> Sequence[Row]:
    return await read_watched(marts, asked.wanted)


async def _audit(marts: MartDatabase, asked: Asked) -> Sequence[Row]:
    return await read_audit(marts, asked.wanted, asked.window, asked.action, asked.is_ranged)


EXPORTS: dict[str, ExportTable] = {
    "requests": ExportTable(RequestRow, _requests),
    "alerts": ExportTable(Alert, _alerts),
    "entities": ExportTable(Entity, _entities),
    "clients": ExportTable(ClientRow, _clients),
    "fingerprints": ExportTable(FingerprintLoad, _fingerprints),
    "campaigns": ExportTable(Campaign, _campaigns),
    "labels": ExportTable(LabelRow, _labels),
    "watched": ExportTable(WatchedEntity, _watched),
    "audit": ExportTable(AuditRow, _audit),
}

"""Routes with what the other pages show: overview, alerts, fingerprints, sensors, settings, audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query

from soc_dashboard.api.answers import span_model
from soc_dashboard.api.etag import UNCHANGED, EtagRoute
from soc_dashboard.api.list_models import (
    AlertModel,
    AlertPage,
    AuditModel,
    AuditPage,
    FingerprintModel,
    FingerprintPage,
    OverviewModel,
    SensorModel,
    SettingList,
    SettingModel,
)
from soc_dashboard.api.list_routes import PageNumber, PageRows
from soc_dashboard.api.models import Verdict
from soc_dashboard.api.span import AWAY, INVALID, Asked, asked_span
from soc_dashboard.filters import MAX_TEXT
from soc_dashboard.search.terms import MAX_QUERY, SearchError, parse
from soc_dashboard.store.alerts import read_alerts
from soc_dashboard.store.audit import read_audit
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.fingerprint import read_fingerprints
from soc_dashboard.store.overview import PageRequest, read_traffic
from soc_dashboard.store.settings import read_settings
from soc_dashboard.thresholds import THRESHOLDS

ANSWERS = {**UNCHANGED, 422: INVALID, 503: AWAY}


def page_router(marts: MartDatabase, clock: Callable[[], datetime]) -> APIRouter:
    """Routes beside the pages of the same name."""
    router = APIRouter(tags=["lists"], route_class=EtagRoute)
    span = Depends(asked_span(clock))

    @router.get("/overview", responses=ANSWERS)
    async def overview(asked: Asked = span) -> OverviewModel:
        """Requests, bots, new suspects, losses, and what each sensor counted."""
        traffic = await read_traffic(marts, asked.window)
        return OverviewModel(
            as_of=asked.now,
            span=span_model(asked.window),
            requests=traffic.requests,
            bot_ratio=traffic.bot_ratio,
            suspicious_entities=traffic.suspects.suspicious,
            new_suspicious_entities=traffic.suspects.entities,
            capture_loss_ratio=traffic.capture.loss_ratio,
            join_ratio=traffic.capture.join_ratio,
            sensors=[SensorModel.model_validate(row, from_attributes=True) for row in traffic.sensors],
        )

    @router.get("/alerts", responses=ANSWERS)
    async def alerts(
        q: Annotated[
            str, Query(max_length=MAX_QUERY, description="query, as in the dashboard's query box")
        ] = "",
        verdict: Annotated[Verdict | None, Query(description="only this verdict")] = None,
        page: PageNumber = 1,
        page_rows: PageRows = 100,
        asked: Asked = span,
    ) -> AlertPage:
        """Entities judged suspicious or bad bot that nobody decided yet, most suspicious first."""
        wanted = PageRequest(verdict=verdict or "", page=page, page_rows=page_rows)
        try:
            rows = await read_alerts(marts, parse(q), asked.window, wanted)
        except SearchError as mistake:
            raise HTTPException(422, f"q, character {mistake.position + 1}: {mistake}.") from None
        return AlertPage(
            as_of=asked.now,
            span=span_model(asked.window),
            total=rows[0].total if rows else 0,
            query=q,
            alerts=[
                AlertModel.model_validate(
                    msgspec.structs.asdict(row) | {"last_seen": row.last_ts, "first_seen": row.first_ts}
                )
                for row in rows
            ],
        )

    @router.get("/fingerprints", responses=ANSWERS)
    async def fingerprints(
        q: Annotated[str, Query(max_length=MAX_TEXT, description="part of any value")] = "",
        page: PageNumber = 1,
        page_rows: PageRows = 100,
        asked: Asked = span,
    ) -> FingerprintPage:
        """Stable JA4s seen in the span, busiest first."""
        wanted = PageRequest(needle=q.replace("\0", ""), page=page, page_rows=page_rows)
        rows = await read_fingerprints(marts, asked.window, wanted)
        return FingerprintPage(
            as_of=asked.now,
            span=span_model(asked.window),
            total=rows[0].total if rows else 0,
            fingerprints=[
                FingerprintModel.model_validate(msgspec.structs.asdict(row) | {"last_seen": row.last_ts})
                for row in rows
            ],
        )

    @router.get("/settings", responses={**UNCHANGED, 503: AWAY})
    async def settings() -> SettingList:
        """The thresholds of the detection, with their ranges."""
        newest = await read_settings(marts)
        return SettingList(
            settings=[
                SettingModel(
                    name=each.name,
                    value=newest[each.name].value if each.name in newest else each.default,
                    low=each.low,
                    high=each.high,
                    default=each.default,
                    set_at=newest[each.name].set_at if each.name in newest else None,
                    user=newest[each.name].user if each.name in newest else None,
                    note=newest[each.name].note if each.name in newest else "",
                )
                for each in THRESHOLDS
            ]
        )

    @router.get("/audit", responses=ANSWERS)
    async def audit(
        q: Annotated[str, Query(max_length=MAX_TEXT, description="part of any value")] = "",
        action: Annotated[str, Query(max_length=60, description="only this action")] = "",
        page: PageNumber = 1,
        page_rows: PageRows = 100,
        asked: Asked = span,
    ) -> AuditPage:
        """What people decided in the span, newest first."""
        wanted = PageRequest(needle=q.replace("\0", ""), page=page, page_rows=page_rows)
        rows = await read_audit(marts, wanted, asked.window, action.replace("\0", ""), is_ranged=True)
        return AuditPage(
            as_of=asked.now,
            span=span_model(asked.window),
            total=rows[0].total if rows else 0,
            entries=[AuditModel.model_validate(row, from_attributes=True) for row in rows],
        )

    return router

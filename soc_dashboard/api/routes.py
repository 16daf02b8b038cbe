"""Routes under /api."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

from soc_dashboard.api.answers import health_answer, ja4_answer
from soc_dashboard.api.models import HealthModel, Ja4Model
from soc_dashboard.api.problems import MEDIA_TYPE, Problem
from soc_dashboard.filters import DEFAULT_PRESET, PRESETS
from soc_dashboard.store.contract import missing_columns
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.fingerprint import (
    fingerprint_scope,
    maybe_fingerprint,
    read_clients,
    read_fingerprint,
)
from soc_dashboard.store.overview import PageRequest, read_join_accuracy
from soc_dashboard.store.requests import read_requests
from soc_dashboard.store.rows import Extent
from soc_dashboard.window import Window

TOP_ROWS = 10

RangePreset = StrEnum("RangePreset", {name: name for name in PRESETS})  # type: ignore[misc]


DEFAULT_RANGE = RangePreset(DEFAULT_PRESET)


def _failure(description: str) -> dict[str, object]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}


def api_router(marts: MartDatabase, clock: Callable[[], datetime]) -> APIRouter:
    """Routes that read the same store as the pages."""
    router = APIRouter(prefix="/api", tags=["api"])
    away = _failure("the database is away or refused")

    @router.get("/health", responses={503: away})
    async def health() -> HealthModel:
        """Whether the database answers, how old its newest request is, and whether the marts fit."""
        missing = await missing_columns(marts)
        if "fct_request_minute.minute" in missing:
            return health_answer(None, missing, (), clock())
        now = clock()
        has_joins = not any(name.startswith("fct_join_accuracy.") for name in missing)
        extent = (await marts.fetch("data_extent", Extent, {}))[0]
        joins = await read_join_accuracy(marts, now) if has_joins else []
        return health_answer(extent.newest, missing, joins, now)

    @router.get(
        "/ja4/{fingerprint}",
        responses={404: _failure("never seen here"), 422: _failure("not a valid question"), 503: away},
    )
    async def ja4(
        fingerprint: Annotated[str, Path(max_length=200, description="exact JA4 or ja4_stable")],
        preset: Annotated[
            RangePreset, Query(alias="range", description="span that ends now")
        ] = DEFAULT_RANGE,
        since: Annotated[datetime | None, Query(description="start of a fixed span; needs `until`")] = None,
        until: Annotated[datetime | None, Query(description="end of a fixed span; needs `since`")] = None,
    ) -> Ja4Model:
        """One fingerprint: what it is, who uses it, how it is judged and why."""
        now = clock()
        window = _window(preset, since, until, now)
        found = await maybe_fingerprint(marts, fingerprint)
        if found is None:
            raise HTTPException(404, "This fingerprint was never seen here.")
        wanted = PageRequest(page_rows=TOP_ROWS)
        reading, clients, requests = await asyncio.gather(
            read_fingerprint(marts, found, window, now),
            read_clients(marts, found.ja4_stable, window, wanted),
            read_requests(marts, fingerprint_scope(found.ja4_stable), window, wanted),
        )
        return ja4_answer(fingerprint, reading, clients, requests)

    return router


def _window(preset: str, since: datetime | None, until: datetime | None, now: datetime) -> Window:
    if since is None and until is None:
        return Window(now - PRESETS[preset], now)
    if since is None or until is None:
        raise HTTPException(422, "`since` and `until` belong together.")
    first, last = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (since, until))
    if first >= last:
        raise HTTPException(422, "`since` must be before `until`.")
    return Window(first.astimezone(UTC), last.astimezone(UTC))

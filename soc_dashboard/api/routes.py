"""Routes under /api."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter

from soc_dashboard.api.answers import health_answer
from soc_dashboard.api.list_routes import list_router
from soc_dashboard.api.models import HealthModel
from soc_dashboard.api.span import AWAY
from soc_dashboard.api.subject_routes import subject_router
from soc_dashboard.store.contract import missing_columns
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import read_join_accuracy
from soc_dashboard.store.rows import Extent


def api_router(marts: MartDatabase, clock: Callable[[], datetime]) -> APIRouter:
    """Routes that read the same store as the pages."""
    router = APIRouter(prefix="/api")
    router.include_router(subject_router(marts, clock))
    router.include_router(list_router(marts, clock))

    @router.get("/health", tags=["health"], responses={503: AWAY})
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

    return router

"""Routes under /api."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer
from prometheus_client import CollectorRegistry

from soc_dashboard.api.answers import health_answer
from soc_dashboard.api.campaign_routes import campaign_router
from soc_dashboard.api.label_routes import label_router
from soc_dashboard.api.list_routes import list_router
from soc_dashboard.api.lookup_routes import lookup_router
from soc_dashboard.api.models import HealthModel
from soc_dashboard.api.page_routes import page_router
from soc_dashboard.api.span import AWAY, FORBIDDEN, UNAUTHORIZED
from soc_dashboard.api.subject_routes import subject_router
from soc_dashboard.store.contract import missing_columns
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.lookup import DecisionCache
from soc_dashboard.store.overview import read_join_accuracy
from soc_dashboard.store.rows import Extent


def api_router(
    marts: MartDatabase,
    decisions: DecisionCache,
    registry: CollectorRegistry,
    clock: Callable[[], datetime],
) -> APIRouter:
    """Routes that read the same store as the pages; the gate before them asks for a token or a session."""
    router = APIRouter(
        prefix="/api",
        responses={401: UNAUTHORIZED, 403: FORBIDDEN},
        # For the description only: the gate has judged already.
        dependencies=[Security(HTTPBearer(auto_error=False, description="a token from /account"))],
    )
    router.include_router(subject_router(marts, clock))
    router.include_router(list_router(marts, clock))
    router.include_router(page_router(marts, clock))
    router.include_router(campaign_router(marts, clock))
    router.include_router(label_router(marts, clock))
    router.include_router(lookup_router(decisions, registry, clock))

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

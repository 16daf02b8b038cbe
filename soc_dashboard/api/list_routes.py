"""Routes that list: requests by query, and judged entities."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query

from soc_dashboard.api.answers import entity_model, request_model, span_model
from soc_dashboard.api.etag import UNCHANGED, EtagRoute
from soc_dashboard.api.models import EntityPage, RequestPage, Verdict
from soc_dashboard.api.span import AWAY, INVALID, Asked, asked_span
from soc_dashboard.search.terms import MAX_QUERY, SearchError, parse
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import PageRequest, read_entities
from soc_dashboard.store.requests import COUNT_LIMIT, count_requests, read_requests
from soc_dashboard.verdicts import HOSTILE

MAX_PAGE_ROWS = 500
PageNumber = Annotated[int, Query(ge=1, le=10_000, description="page, from 1")]
PageRows = Annotated[int, Query(ge=1, le=MAX_PAGE_ROWS, description="rows of a page")]


def list_router(marts: MartDatabase, clock: Callable[[], datetime]) -> APIRouter:
    """Routes with paging."""
    router = APIRouter(tags=["lists"], route_class=EtagRoute)
    span = Depends(asked_span(clock))

    @router.get("/requests", responses={**UNCHANGED, 422: INVALID, 503: AWAY})
    async def requests(
        q: Annotated[
            str, Query(max_length=MAX_QUERY, description="query, as in the dashboard's query box")
        ] = "",
        page: PageNumber = 1,
        page_rows: PageRows = 100,
        asked: Asked = span,
    ) -> RequestPage:
        """Requests that match a query, newest first."""
        try:
            terms = parse(q)
            rows, total = await asyncio.gather(
                read_requests(marts, terms, asked.window, PageRequest(page=page, page_rows=page_rows)),
                count_requests(marts, terms, asked.window),
            )
        except SearchError as mistake:
            raise HTTPException(422, f"q, character {mistake.position + 1}: {mistake}.") from None
        return RequestPage(
            as_of=asked.now,
            span=span_model(asked.window),
            query=q,
            total=total,
            is_total_limited=total >= COUNT_LIMIT,
            requests=list(map(request_model, rows)),
        )

    @router.get("/verdicts", responses={**UNCHANGED, 422: INVALID, 503: AWAY})
    async def verdicts(
        verdict: Annotated[
            Verdict | None, Query(description="only this verdict; by default suspicious and bad bot")
        ] = None,
        page: PageNumber = 1,
        page_rows: PageRows = 100,
        asked: Asked = span,
    ) -> EntityPage:
        """Judged entities, worst first."""
        wanted = PageRequest(verdict=verdict or "", page=page, page_rows=page_rows)
        rows = await read_entities(marts, asked.window, wanted, verdicts=HOSTILE)
        return EntityPage(
            as_of=asked.now,
            span=span_model(asked.window),
            total=rows[0].total if rows else 0,
            entities=list(map(entity_model, rows)),
        )

    return router

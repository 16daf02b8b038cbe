"""`/find?q=…`: leads from what was typed into the header's search box to its page."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse

from soc_dashboard.filters import MAX_TEXT
from soc_dashboard.search.destination import destination

RANGE_VALUE = 20
"""Longest value of a range key."""
RangeValue = Annotated[str, Query(alias="range", max_length=RANGE_VALUE)]


def find_router() -> APIRouter:
    """The route of the search box; the range of the page that it was typed on goes along."""
    router = APIRouter(include_in_schema=False)

    @router.get("/find")
    async def find(
        q: Annotated[str, Query(max_length=MAX_TEXT)] = "",
        preset: RangeValue = "",
        since: Annotated[str, Query(alias="from", max_length=RANGE_VALUE)] = "",
        until: Annotated[str, Query(alias="to", max_length=RANGE_VALUE)] = "",
    ) -> RedirectResponse:
        """Only ever to a page of this dashboard: the address begins with a path of its own."""
        address = destination(q)
        span = urlencode(
            {key: value for key, value in (("range", preset), ("from", since), ("to", until)) if value}
        )
        joint = "&" if "?" in address else "?"
        return RedirectResponse(f"{address}{joint}{span}" if span else address, status_code=303)

    return router

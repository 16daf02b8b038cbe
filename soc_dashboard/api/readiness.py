"""Whether the dashboard serves, in one word, for supervisors and proxies that have no account."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from soc_dashboard.store.contract import missing_columns
from soc_dashboard.store.database import MartDatabase, StoreFailedError

HOLDS_S = 2.0
"""Anybody may ask, so the database is asked no oftener than this."""


class Readiness:
    """Whether the database answers, asked again only after HOLDS_S."""

    def __init__(self, marts: MartDatabase) -> None:
        self._marts = marts
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")
        self._is_ready = False

    async def is_ready(self) -> bool:
        """The answer, at most HOLDS_S old."""
        async with self._lock:
            if time.monotonic() - self._asked_at > HOLDS_S:
                try:
                    await missing_columns(self._marts)
                    self._is_ready = True
                except StoreFailedError:
                    self._is_ready = False
                self._asked_at = time.monotonic()
            return self._is_ready


def readiness_router(marts: MartDatabase) -> APIRouter:
    """The one route that needs no account besides the sign-in."""
    router = APIRouter(include_in_schema=False)
    readiness = Readiness(marts)

    @router.get("/readyz")
    async def readyz() -> Response:
        if await readiness.is_ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("the database does not answer\n", 503, {"Retry-After": "5"})

    return router

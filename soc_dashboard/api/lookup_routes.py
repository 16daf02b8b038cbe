"""One decision, for a proxy to ask; who asks; and what Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from soc_dashboard.access.forms import caller_of
from soc_dashboard.addresses import canonical_address
from soc_dashboard.api.list_models import LookupModel, MeModel
from soc_dashboard.api.span import INVALID, failure
from soc_dashboard.store.lookup import DecisionCache

NOT_READ = failure("nothing was read from the database yet")


def lookup_router(
    decisions: DecisionCache, registry: CollectorRegistry, clock: Callable[[], datetime]
) -> APIRouter:
    """Routes that answer from memory."""
    router = APIRouter()

    @router.get("/lookup", tags=["lookup"], responses={422: INVALID, 503: NOT_READ})
    async def lookup(
        ip: Annotated[str | None, Query(max_length=60, description="client address")] = None,
        ja4: Annotated[str | None, Query(max_length=200, description="exact or stable JA4")] = None,
    ) -> LookupModel:
        """What is decided about a client: by its label, else with this JA4, else at all, else by the JA4."""
        if not ip and not ja4:
            raise HTTPException(422, "`ip`, `ja4` or both are needed.")
        try:
            client_ip = canonical_address(ip) if ip else None
        except ValueError:
            raise HTTPException(422, "`ip` is not an IP address.") from None
        newest = decisions.newest
        if newest is None:
            raise HTTPException(503, "Nothing was read from the database yet.", {"Retry-After": "5"})
        found = newest.decide(client_ip, ja4)
        return LookupModel.model_validate(
            {
                "as_of": newest.read_at,
                "age_s": max((clock() - newest.read_at).total_seconds(), 0.0),
                "client_ip": client_ip,
                "ja4": ja4 or None,
                "verdict": found.verdict,
                "matched_on": found.matched_on,
                "source": found.source,
                "source_id": found.source_id,
                "reason": found.reason,
                "last_seen": found.last_seen,
            }
        )

    @router.get("/me", tags=["access"])
    async def me(request: Request) -> MeModel:
        """Name and role behind the token or the session that asks."""
        caller = caller_of(request)
        return MeModel(
            name=caller.user.name,
            role=caller.user.role.value,
            scopes=None if caller.maybe_session else sorted(caller.scopes),
            csrf_token=caller.csrf_token,
        )

    @router.get(
        "/metrics",
        tags=["health"],
        response_class=Response,
        responses={200: {"description": "Prometheus text", "content": {"text/plain": {}}}},
    )
    def metrics() -> Response:
        """Requests by route, their times, sessions, pages that are open, age of the decisions."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router

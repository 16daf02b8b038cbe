"""Routes about one subject: a fingerprint, a client address, a host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path

from soc_dashboard.addresses import canonical_address
from soc_dashboard.api.answers import entity_model, ja4_answer, request_model, subject_fields
from soc_dashboard.api.etag import UNCHANGED, EtagRoute
from soc_dashboard.api.list_models import AsnModel
from soc_dashboard.api.models import EntityModel, HostModel, IpModel, Ja4Model, RequestModel
from soc_dashboard.api.span import AWAY, INVALID, UNSEEN, Asked, asked_span
from soc_dashboard.search.terms import Term
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.fingerprint import (
    fingerprint_scope,
    maybe_fingerprint,
    read_clients,
    read_fingerprint,
)
from soc_dashboard.store.network import LARGEST_ASN, maybe_network
from soc_dashboard.store.overview import PageRequest, read_entities
from soc_dashboard.store.requests import read_requests
from soc_dashboard.store.subject import SubjectReading, read_subject
from soc_dashboard.verdicts import SEVERITY

TOP = PageRequest(page_rows=10)


def subject_router(marts: MartDatabase, clock: Callable[[], datetime]) -> APIRouter:
    """Routes that answer with everything a subject's page shows."""
    router = APIRouter(tags=["subjects"], route_class=EtagRoute)
    span = Depends(asked_span(clock))

    @router.get("/ja4/{fingerprint}", responses={**UNCHANGED, 404: UNSEEN, 422: INVALID, 503: AWAY})
    async def ja4(
        fingerprint: Annotated[str, Path(max_length=200, description="exact JA4 or ja4_stable")],
        asked: Asked = span,
    ) -> Ja4Model:
        """One fingerprint: what it is, who uses it, how it is judged and why."""
        found = await maybe_fingerprint(marts, fingerprint)
        if found is None:
            raise HTTPException(404, "This fingerprint was never seen here.")
        reading, clients, requests = await asyncio.gather(
            read_fingerprint(marts, found, asked.window, asked.now),
            read_clients(marts, found.ja4_stable, asked.window, TOP),
            read_requests(marts, fingerprint_scope(found.ja4_stable), asked.window, TOP),
        )
        return ja4_answer(fingerprint, reading, clients, requests)

    @router.get("/ip/{address}", responses={**UNCHANGED, 422: INVALID, 503: AWAY})
    async def ip(
        address: Annotated[str, Path(max_length=60, description="IPv4 or IPv6 address")],
        asked: Asked = span,
    ) -> IpModel:
        """One client address: its entities, its requests, how they are judged and why."""
        text = _address(address)
        reading, entities, requests = await _whole(marts, (Term("ip", text),), asked)
        return IpModel(
            **subject_fields(reading), client_ip=text, top_entities=entities, newest_requests=requests
        )

    @router.get("/host/{name}", responses={**UNCHANGED, 422: INVALID, 503: AWAY})
    async def host(
        name: Annotated[str, Path(max_length=255, description="host as clients named it")],
        asked: Asked = span,
    ) -> HostModel:
        """One host: who visits it, how they are judged and why."""
        scope = (Term("host", name.replace("\0", ""), is_quoted=True),)
        reading, entities, requests = await _whole(marts, scope, asked)
        return HostModel(
            **subject_fields(reading), host=name, top_entities=entities, newest_requests=requests
        )

    @router.get("/asn/{asn}", responses={**UNCHANGED, 422: INVALID, 503: AWAY})
    async def network(
        asn: Annotated[int, Path(ge=0, le=LARGEST_ASN, description="number; 0 for networks not known")],
        asked: Asked = span,
    ) -> AsnModel:
        """One network: its clients, what they asked for, how they are judged and why."""
        found, (reading, entities, requests) = await asyncio.gather(
            maybe_network(marts, asn, asked.window), _whole(marts, (Term("asn", str(asn)),), asked)
        )
        return AsnModel(
            **subject_fields(reading),
            asn=asn,
            kind=found.kind if found else "",
            connections=found.connections if found else 0,
            top_entities=entities,
            newest_requests=requests,
        )

    return router


async def _whole(
    marts: MartDatabase, scope: tuple[Term, ...], asked: Asked
) -> tuple[SubjectReading, list[EntityModel], list[RequestModel]]:
    reading, entities, requests = await asyncio.gather(
        read_subject(marts, scope, asked.window, asked.now),
        read_entities(marts, asked.window, TOP, scope, SEVERITY),
        read_requests(marts, scope, asked.window, TOP),
    )
    return reading, list(map(entity_model, entities)), list(map(request_model, requests))


def _address(text: str) -> str:
    try:
        return canonical_address(text)
    except ValueError:
        raise HTTPException(422, "This is not an IP address.") from None

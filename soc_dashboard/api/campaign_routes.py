"""Routes about campaigns: groups of entities that behave as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel, Field

from soc_dashboard.api.answers import entity_model, request_model, span_model, subject_fields
from soc_dashboard.api.etag import UNCHANGED, EtagRoute
from soc_dashboard.api.list_models import Page
from soc_dashboard.api.list_routes import PageNumber, PageRows
from soc_dashboard.api.models import EntityModel, RequestModel, SubjectModel
from soc_dashboard.api.span import AWAY, INVALID, UNSEEN, Asked, asked_span
from soc_dashboard.filters import MAX_TEXT
from soc_dashboard.store.campaign_rows import Campaign
from soc_dashboard.store.campaigns import (
    MAX_CAMPAIGN_ID,
    STATUSES,
    campaign_scope,
    maybe_campaign,
    read_campaign_life,
    read_campaigns,
)
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import PageRequest, read_entities
from soc_dashboard.store.requests import read_requests
from soc_dashboard.store.subject import read_subject
from soc_dashboard.verdicts import SEVERITY

TOP = PageRequest(page_rows=10)
Status = Literal["born", "alive", "merged", "ended"]


class CampaignModel(BaseModel):
    """One campaign over its whole life."""

    campaign_id: str
    status: Status
    merged_into: str | None
    first_seen: datetime
    last_seen: datetime
    hours: int = Field(description="hours in which it had members")
    entities: int
    client_ips: int
    ja4s: int
    asns: int
    hosts: int
    requests: int
    summary: str
    computed_at: datetime


class ListedCampaignModel(CampaignModel):
    """One campaign of a list."""

    requests_inside: int = Field(description="requests of the hours that the span touches")


class CampaignPage(Page):
    """Campaigns active in the span, busiest first."""

    campaigns: list[ListedCampaignModel]


class CampaignEventModel(BaseModel):
    """Something that happened to a campaign in an hour."""

    hour: datetime
    campaign_id: str = Field(description="another one's where that merged into this")
    status: Status
    merged_into: str | None


class ClusterModel(SubjectModel):
    """One campaign, and what its members did over a span of time."""

    campaign: CampaignModel
    life: list[CampaignEventModel] = Field(description="oldest first")
    top_entities: list[EntityModel] = Field(description="the ten worst members")
    newest_requests: list[RequestModel] = Field(description="the ten newest")


def campaign_router(marts: MartDatabase, clock: Callable[[], datetime]) -> APIRouter:
    """Routes beside the pages of campaigns."""
    router = APIRouter(tags=["campaigns"], route_class=EtagRoute)
    span = Depends(asked_span(clock))

    @router.get("/campaigns", responses={**UNCHANGED, 422: INVALID, 503: AWAY})
    async def campaigns(
        q: Annotated[str, Query(max_length=MAX_TEXT, description="part of the name or the summary")] = "",
        status: Annotated[Status | None, Query(description="only this state")] = None,
        page: PageNumber = 1,
        page_rows: PageRows = 100,
        asked: Asked = span,
    ) -> CampaignPage:
        """Campaigns active in the span, busiest first."""
        wanted = PageRequest(needle=q.replace("\0", ""), page=page, page_rows=page_rows)
        rows = await read_campaigns(marts, asked.window, wanted, [status] if status else STATUSES)
        return CampaignPage(
            as_of=asked.now,
            span=span_model(asked.window),
            total=rows[0].total if rows else 0,
            campaigns=[ListedCampaignModel.model_validate(row, from_attributes=True) for row in rows],
        )

    @router.get("/cluster/{cid}", responses={**UNCHANGED, 404: UNSEEN, 422: INVALID, 503: AWAY})
    async def cluster(
        cid: Annotated[str, Path(max_length=MAX_CAMPAIGN_ID, description="name of the campaign")],
        asked: Asked = span,
    ) -> ClusterModel:
        """One campaign: its life, its members, what they asked for, how they are judged and why."""
        found = await maybe_campaign(marts, cid)
        if found is None:
            raise HTTPException(404, "There is no such campaign.")
        return await _cluster(marts, found, asked)

    return router


async def _cluster(marts: MartDatabase, found: Campaign, asked: Asked) -> ClusterModel:
    scope = campaign_scope(found.campaign_id)
    life, reading, entities, requests = await asyncio.gather(
        read_campaign_life(marts, found.campaign_id),
        read_subject(marts, scope, asked.window, asked.now),
        read_entities(marts, asked.window, TOP, scope, SEVERITY),
        read_requests(marts, scope, asked.window, TOP),
    )
    return ClusterModel(
        **subject_fields(reading),
        campaign=CampaignModel.model_validate(found, from_attributes=True),
        life=[CampaignEventModel.model_validate(row, from_attributes=True) for row in life],
        top_entities=list(map(entity_model, entities)),
        newest_requests=list(map(request_model, requests)),
    )

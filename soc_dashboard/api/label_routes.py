"""Labels: what was said, what a label would touch, giving one and taking it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query

from soc_dashboard.access import current_user
from soc_dashboard.api.etag import UNCHANGED, EtagRoute
from soc_dashboard.api.list_models import (
    GivenLabelModel,
    GivenLabelsModel,
    LabelModel,
    LabelPage,
    LabelPreviewModel,
    NewLabelsModel,
    TargetsModel,
    TouchedModel,
)
from soc_dashboard.api.list_routes import PageNumber, PageRows
from soc_dashboard.api.span import AWAY, FORBIDDEN, INVALID, UNSEEN, Asked, asked_span
from soc_dashboard.filters import MAX_TEXT
from soc_dashboard.labels import LabelRefusedError, LabelScope, LabelTarget, targets
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.decision_log import DecisionLog, GivenLabel
from soc_dashboard.store.label import maybe_label
from soc_dashboard.store.labels import preview_labels, read_labels
from soc_dashboard.store.overview import PageRequest

WRITING: dict[int | str, dict[str, Any]] = {403: FORBIDDEN, 422: INVALID, 503: AWAY}


def label_router(marts: MartDatabase, clock: Callable[[], datetime]) -> APIRouter:
    """Routes under /api/labels."""
    router = APIRouter(prefix="/labels", tags=["labels"], route_class=EtagRoute)
    span = Depends(asked_span(clock))
    log = DecisionLog(marts, clock)

    @router.get("", responses={**UNCHANGED, 422: INVALID, 503: AWAY})
    async def labels(
        q: Annotated[str, Query(max_length=MAX_TEXT, description="part of any value")] = "",
        active: Annotated[bool, Query(description="only labels that hold")] = False,
        page: PageNumber = 1,
        page_rows: PageRows = 100,
    ) -> LabelPage:
        """Labels of all time, newest first."""
        wanted = PageRequest(needle=q.replace("\0", ""), page=page, page_rows=page_rows)
        rows = await read_labels(marts, wanted, is_active_only=active)
        return LabelPage(
            as_of=clock(),
            total=rows[0].total if rows else 0,
            labels=[LabelModel.model_validate(row, from_attributes=True) for row in rows],
        )

    @router.post("/preview", responses=WRITING)
    async def preview(asked: TargetsModel, when: Asked = span) -> LabelPreviewModel:
        """What labels on these targets would touch in the span; writes nothing."""
        seen = await preview_labels(marts, _targets(asked), when.window)
        return LabelPreviewModel(
            as_of=when.now,
            span={"since": when.window.since, "until": when.window.until},  # type: ignore[arg-type]
            entities=seen.entities,
            requests=seen.requests,
            humans=seen.humans,
            verdicts=[TouchedModel.model_validate(row, from_attributes=True) for row in seen.verdicts],
        )

    @router.post("", status_code=201, responses=WRITING)
    async def give(asked: NewLabelsModel) -> GivenLabelsModel:
        """Give a label to each target, in the name of the caller; the audit log has it first."""
        expires_at = asked.expires_at
        if expires_at is not None and expires_at.tzinfo is None:
            expires_at = expires_at.replace(tzinfo=UTC)
        try:
            given = await log.give(current_user().name, _targets(asked), asked.label, asked.note, expires_at)
        except LabelRefusedError as refused:
            raise HTTPException(422, f"{refused}.") from None
        return GivenLabelsModel(labels=list(map(_given_model, given)))

    @router.delete("/{label_id}", responses={**WRITING, 404: UNSEEN})
    async def revoke(label_id: UUID) -> GivenLabelModel:
        """Take a label back; its row stays, followed by one that says so."""
        row = await maybe_label(marts, label_id)
        if row is None or row.is_revoked or row.scope not in list(LabelScope):
            raise HTTPException(404, "There is no such label, or it was taken back already.")
        about = LabelTarget(LabelScope(row.scope), row.client_ip, row.ja4, row.host)
        given = GivenLabel(row.label_id, about, row.label, row.note, row.expires_at)
        await log.revoke(current_user().name, (given,))
        return _given_model(given)

    return router


def _targets(asked: TargetsModel) -> tuple[LabelTarget, ...]:
    try:
        return targets(
            LabelScope(asked.scope),
            [(one.client_ip or "", one.ja4 or "", one.host or "") for one in asked.targets],
        )
    except LabelRefusedError as refused:
        raise HTTPException(422, f"{refused}.") from None


def _given_model(given: GivenLabel) -> GivenLabelModel:
    return GivenLabelModel(label_id=given.label_id, about=given.target.words(), label=given.label)

"""The span of time of a question, and the failures that every question can meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import HTTPException, Query

from soc_dashboard.api.problems import MEDIA_TYPE, Problem
from soc_dashboard.filters import DEFAULT_PRESET, PRESETS
from soc_dashboard.window import Window

RangePreset = StrEnum("RangePreset", {name: name for name in PRESETS})  # type: ignore[misc]
DEFAULT_RANGE = RangePreset(DEFAULT_PRESET)


@dataclass(frozen=True, slots=True)
class Asked:
    """The span of a question and the time it was asked."""

    window: Window
    now: datetime


def asked_span(clock: Callable[[], datetime]) -> Callable[..., Asked]:
    """The dependency that reads `range`, or `since` and `until`; 422 when they make no span."""

    def read(
        preset: Annotated[
            RangePreset, Query(alias="range", description="span that ends now")
        ] = DEFAULT_RANGE,
        since: Annotated[datetime | None, Query(description="start of a fixed span; needs `until`")] = None,
        until: Annotated[datetime | None, Query(description="end of a fixed span; needs `since`")] = None,
    ) -> Asked:
        now = clock()
        if since is None and until is None:
            return Asked(Window(now - PRESETS[preset], now), now)
        if since is None or until is None:
            raise HTTPException(422, "`since` and `until` belong together.")
        first, last = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (since, until))
        if first >= last:
            raise HTTPException(422, "`since` must be before `until`.")
        return Asked(Window(first.astimezone(UTC), last.astimezone(UTC)), now)

    return read


def failure(description: str) -> dict[str, object]:
    """One failure for the OpenAPI document."""
    return {"description": description, "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}


AWAY = failure("the database is away or refused")
INVALID = failure("not a valid question")
UNSEEN = failure("never seen here")
UNAUTHORIZED = failure("neither signed in, nor a token that holds")
FORBIDDEN = failure("the role, or the token's scope, does not allow it")

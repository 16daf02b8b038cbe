"""What the page of one subject (a fingerprint, an address, a host) shows, read in parallel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from soc_dashboard.search.conditions import conditions
from soc_dashboard.search.fields import Grain
from soc_dashboard.search.terms import Term
from soc_dashboard.store.database import MartDatabase, Parameter
from soc_dashboard.store.overview import read_timeline, span_parameters
from soc_dashboard.store.rows import (
    ClaimedClient,
    Extent,
    FeatureReason,
    SubjectHour,
    SubjectTotals,
    VerdictBucket,
    VerdictTotal,
)
from soc_dashboard.window import Window

TOP_USER_AGENTS = 8


@dataclass(frozen=True, slots=True)
class SubjectReading:
    """One reading of a subject: everything but the tables of its page."""

    as_of: datetime
    window: Window
    extent: Extent
    totals: SubjectTotals
    before: SubjectTotals | None
    """Of the comparison window, None when the data does not reach back."""
    verdicts: tuple[VerdictTotal, ...]
    hours: tuple[SubjectHour, ...]
    timeline: tuple[VerdictBucket, ...]
    reasons: tuple[FeatureReason, ...]
    claims: tuple[ClaimedClient, ...]


async def read_subject(
    marts: MartDatabase, scope: Sequence[Term], window: Window, as_of: datetime
) -> SubjectReading:
    """Read a subject; `scope` are the terms that select it, on an entity's key.

    Raises StoreFailedError when a read fails.
    """
    search = conditions(scope, Grain.KEY)
    fragments = {"scope": search.sql}

    def parameters(of: Window) -> Mapping[str, Parameter]:
        return {**span_parameters(of), **search.parameters}

    span = parameters(window)
    figures = asyncio.gather(
        marts.fetch("data_extent", Extent, {}),
        marts.fetch("subject_totals", SubjectTotals, span, fragments),
        marts.fetch("verdict_totals", VerdictTotal, span, fragments),
        marts.fetch("subject_hours", SubjectHour, span, fragments),
    )
    explanations = asyncio.gather(
        read_timeline(marts, window, span, fragments),
        marts.fetch("subject_reasons", FeatureReason, span, fragments),
        marts.fetch("subject_user_agents", ClaimedClient, {**span, "limit": TOP_USER_AGENTS}, fragments),
    )
    (extent_rows, totals, verdicts, hours), (timeline, reasons, claims) = await asyncio.gather(
        figures, explanations
    )
    extent = extent_rows[0]
    earlier = window.comparison(extent.oldest)
    before = (
        (await marts.fetch("subject_totals", SubjectTotals, parameters(earlier), fragments))[0]
        if earlier
        else None
    )
    return SubjectReading(
        as_of,
        window,
        extent,
        totals[0],
        before,
        tuple(verdicts),
        tuple(hours),
        tuple(timeline),
        tuple(reasons),
        tuple(claims),
    )

"""What happened to a subject beside its traffic: campaigns that were born or ended, and labels."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from soc_dashboard.search.conditions import conditions
from soc_dashboard.search.fields import Grain
from soc_dashboard.search.terms import Term
from soc_dashboard.store.campaign_rows import CampaignEvent
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import span_parameters
from soc_dashboard.store.rows import Row
from soc_dashboard.window import Window

MAX_MARKERS = 200
"""Of each kind; what a timeline has room for."""


class LabelMarker(Row, frozen=True, kw_only=True):
    """label_markers, member_label_markers: one label that was given in the window."""

    first_labelled_at: datetime
    user: str
    scope: str
    label: str
    note: str
    is_revoked: bool
    """It was taken back since."""
    address: str
    """Empty where the label is not about an address; so are the next two."""
    ja4_stable: str
    host: str


@dataclass(frozen=True, slots=True)
class Markers:
    """Everything that is marked on a timeline, each kind oldest first."""

    campaigns: tuple[CampaignEvent, ...] = ()
    labels: tuple[LabelMarker, ...] = ()


async def read_markers(marts: MartDatabase, scope: Sequence[Term], window: Window) -> Markers:
    """Events of campaigns with members in scope, and labels about what is in scope.

    Raises StoreFailedError when a read fails.
    """
    search = conditions(scope, Grain.KEY)
    parameters = {**span_parameters(window), **search.parameters, "limit": MAX_MARKERS}
    fragments = {"scope": search.sql}
    campaigns, labels = await asyncio.gather(
        marts.fetch("campaign_markers", CampaignEvent, parameters, fragments),
        marts.fetch("label_markers", LabelMarker, parameters, fragments),
    )
    return Markers(tuple(campaigns), tuple(labels))


async def read_campaign_markers(
    marts: MartDatabase, campaign_id: str, events: Sequence[CampaignEvent], window: Window
) -> Markers:
    """The `events` of a campaign's life that lie in the window, and labels about its members."""
    labels = await marts.fetch(
        "member_label_markers",
        LabelMarker,
        {**span_parameters(window), "campaign_id": campaign_id, "limit": MAX_MARKERS},
    )
    within = tuple(event for event in events if window.since <= event.hour < window.until)
    return Markers(within, tuple(labels))

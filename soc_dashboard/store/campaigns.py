"""Campaigns: groups of entities that behave as one, through changes of address and fingerprint."""

from __future__ import annotations

from collections.abc import Sequence

from soc_dashboard.search.terms import Term
from soc_dashboard.store.campaign_rows import Campaign, CampaignEvent
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import PageRequest, span_parameters
from soc_dashboard.window import Window

MAX_CAMPAIGN_ID = 64
MAX_EVENTS = 50
OPEN = ("born", "alive")
STATUSES = (*OPEN, "merged", "ended")
_SORTED = (
    "campaign_id",
    "entities",
    "client_ips",
    "ja4s",
    "asns",
    "hosts",
    "requests_inside",
    "first_seen",
    "last_seen",
)
ORDERS = {
    (column, descending): f"{column} {'desc' if descending else 'asc'},"
    for column in _SORTED
    for descending in (True, False)
}
"""Column and direction -> what comes before the order of the query."""


def campaign_scope(campaign_id: str) -> tuple[Term, ...]:
    """The terms that select everything its members did."""
    return (Term("campaign", campaign_id, is_quoted=True),)


async def read_campaigns(
    marts: MartDatabase, window: Window, wanted: PageRequest, statuses: Sequence[str] = STATUSES
) -> list[Campaign]:
    """One page of the campaigns active in the window and now in one of the states, busiest first."""
    return await marts.fetch(
        "campaigns",
        Campaign,
        {
            **span_parameters(window),
            **wanted.page_parameters(),
            "needle": wanted.needle,
            "statuses": list(statuses),
        },
        {"order": ORDERS.get((wanted.sort, wanted.descending), "")},
    )


async def maybe_campaign(marts: MartDatabase, campaign_id: str) -> Campaign | None:
    """The campaign of that name; None when there is none."""
    if not campaign_id or len(campaign_id) > MAX_CAMPAIGN_ID or not campaign_id.isprintable():
        return None
    found = await marts.fetch("campaign", Campaign, {"campaign_id": campaign_id})
    return found[0] if found else None


async def read_campaign_life(marts: MartDatabase, campaign_id: str) -> list[CampaignEvent]:
    """What happened to it, oldest first; at most MAX_EVENTS."""
    return await marts.fetch(
        "campaign_life", CampaignEvent, {"campaign_id": campaign_id, "limit": MAX_EVENTS}
    )

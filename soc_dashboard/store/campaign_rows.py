"""Rows of the reads of campaigns."""

from __future__ import annotations

from datetime import datetime

from soc_dashboard.store.rows import Row


class Campaign(Row, frozen=True, kw_only=True):
    """campaigns, campaign: one campaign over its whole life."""

    campaign_id: str
    status: str
    """born, alive, merged or ended."""
    merged_into: str | None
    first_seen: datetime
    last_seen: datetime
    hours: int
    """Hours in which it had members."""
    entities: int
    client_ips: int
    ja4s: int
    asns: int
    hosts: int
    requests: int
    requests_inside: int
    """Requests of the hours that the window touches; all of them for one campaign alone."""
    summary: str
    computed_at: datetime
    total: int


class CampaignEvent(Row, frozen=True, kw_only=True):
    """campaign_life: something that happened to a campaign in an hour."""

    hour: datetime
    campaign_id: str
    """Another one's where that merged into this."""
    status: str
    merged_into: str | None


class TouchedCampaign(Row, frozen=True, kw_only=True):
    """touched_campaigns: a campaign with members that a label would touch."""

    campaign_id: str
    entities: int
    """Its members that the label would touch."""
    summary: str
    total: int

"""Rows of the reads of the review queue."""

from __future__ import annotations

from datetime import datetime

from soc_dashboard.store.rows import Entity, Row


class Alert(Entity, frozen=True, kw_only=True):
    """alerts: one entity that waits for a decision, by its worst hour in the window."""

    hours: int
    """Hours of the window in which it was judged suspicious or bad bot."""
    suspicion: float
    """Largest of its hours: what rules and model say against it together, 0..1; the order of the queue."""
    p_value: float | None
    """Smallest of its hours: how often traffic known as human is at least as strange; None if not scored."""
    first_ts: datetime
    asn: int
    """0 if unknown."""
    country: str
    review_score: float | None
    """Largest of its hours, 0..1, 0.5 at the model's alert threshold: how much labels say to look at it;
    None unless the queue was read in that order, or without a rank."""


class AlertFacet(Row, frozen=True, kw_only=True):
    """alert_facets: how many entities of the queue share one value of a field."""

    field: str
    """Name in the query box."""
    value: str
    entities: int


class ReviewOrder(Row, frozen=True, kw_only=True):
    """review_order: what the order that labels teach was learnt from."""

    labels_used: int
    """Labelled hours of entities."""
    model_name: str
    model_version: str
    computed_at: datetime

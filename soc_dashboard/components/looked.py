"""When a person last looked: what came since is new to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from soc_dashboard.filters import EARLIEST_S, LATEST_S

AWAY_AFTER = timedelta(minutes=30)
"""A pause that is longer ends a visit; `static/scripts/looked.js` has the same number."""


def maybe_last_look(cookies: Mapping[str, str], now: datetime) -> datetime | None:
    """End of the visit before this one, from the cookies that `static/scripts/looked.js` writes.

    None at the first visit, and for cookies that make no sense.
    """
    active = _maybe_moment(cookies.get("ja4_active", ""))
    if active is not None and now - active > AWAY_AFTER:
        return active
    return _maybe_moment(cookies.get("ja4_looked", ""))


def _maybe_moment(text: str) -> datetime | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and EARLIEST_S <= int(text) <= LATEST_S):
        return None
    return datetime.fromtimestamp(int(text), UTC)

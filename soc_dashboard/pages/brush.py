"""Turns a brush over bars into a time range."""

from __future__ import annotations

from datetime import UTC, datetime

from soc_dashboard.components.charts import bar_starts
from soc_dashboard.pages.session import PageSession


def zoom_to_bars(session: PageSession, first: int, last: int) -> None:
    """Show the span of the bars `first..last` of the session's timeline; out of range is cut off."""
    starts = bar_starts(session.window)
    first, last = max(first, 0), min(last, len(starts) - 1)
    if first <= last:
        session.time_range.zoom(
            datetime.fromtimestamp(starts[first], UTC),
            datetime.fromtimestamp(starts[last] + session.window.bucket_s, UTC),
        )

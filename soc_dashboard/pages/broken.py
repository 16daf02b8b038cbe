"""What a person sees instead of a page that could not be made; the cause is in the log, not on the screen."""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup

from soc_dashboard.components.markup import html_pane, utc_text
from soc_dashboard.components.shell import PageFrame, frame, rail


def broken_page() -> PageFrame:
    """A page with the way to the others."""
    words = html_pane(
        Markup(
            '<div class="empty" role="alert"><strong>This page could not be made</strong>Something failed in '
            "the dashboard while it put the page together, at {}. Its log says what. "
            '<a href="">Try again</a> or go to another page.</div>'
        ).format(utc_text(datetime.now(UTC)))
    )
    return frame("Not available", [], [words], [], html_pane(rail("", "")))

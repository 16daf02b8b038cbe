"""Times as the person wants them: in the zone of their preferences, which the page's document carries."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import panel as pn

ZONE_VARIABLE = "display_zone"
"""Name of the document's template variable; each session has a document of its own."""


def choose_zone(name: str) -> None:
    """Write times in this zone from now on, in the session that calls."""
    document = pn.state.curdoc
    if document is not None:
        document.template_variables[ZONE_VARIABLE] = name


def display_zone() -> tzinfo:
    """The zone of the session that calls; UTC outside of one."""
    document = pn.state.curdoc
    name = document.template_variables.get(ZONE_VARIABLE, "UTC") if document is not None else "UTC"
    return UTC if name == "UTC" else ZoneInfo(name)


def local_text(moment: datetime, form: str = "%d %b %H:%M:%S") -> str:
    """The moment in the session's zone, without the zone's name, which the header shows."""
    return moment.astimezone(display_zone()).strftime(form)


def zone_name(moment: datetime) -> str:
    """Short name of the session's zone at that moment, such as UTC or CET."""
    return moment.astimezone(display_zone()).tzname() or "UTC"

"""The sensors in one strip: alive, what they saw, what they lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from soc_dashboard.components.markup import ago, compact, percent, text, utc_text
from soc_dashboard.components.states import STALE_AFTER
from soc_dashboard.store.rows import SensorLedger
from soc_dashboard.window import Window

MAX_SENSORS = 12


def sensor_strip(sensors: Sequence[SensorLedger], now: datetime, window: Window) -> Markup:
    """One entry per sensor; says so when none reported in the window."""
    if not sensors:
        return Markup('<div class="strip"><span><b>Sensors</b> none reported in this range</span></div>')
    until = min(now, window.until)
    entries = [_entry(row, until, now) for row in sensors[:MAX_SENSORS]]
    more = len(sensors) - MAX_SENSORS
    rest = Markup("<span>and {} more</span>").format(more) if more > 0 else Markup("")
    return Markup('<div class="strip"><b>Sensors</b>{}{}<span>as of <b>{}</b></span></div>').format(
        Markup("").join(entries), rest, utc_text(now)
    )


def _entry(row: SensorLedger, until: datetime, now: datetime) -> Markup:
    is_late = until - row.newest > STALE_AFTER
    frames = row.frames_seen + row.frames_dropped_kernel
    return Markup(
        '<span class="sensor"><span><span class="dot{}"></span><b>{}</b> {}{}</span>'
        "<span>frames <b>{}</b></span>"
        "<span>lost <b>{}</b></span><span>hellos <b>{}</b>, unused <b>{}</b></span><span>joined "
        "<b>{}</b></span></span>"
    ).format(
        " late" if is_late else "",
        text(row.sensor, 60),
        "silent, last " if is_late else "last ",
        ago(row.newest, now),
        compact(row.frames_seen),
        percent(row.frames_dropped_kernel / frames if frames else None, 2),
        compact(row.hellos),
        compact(row.hellos_unused),
        percent(row.requests_matched / row.requests_tls if row.requests_tls else None, 2),
    )

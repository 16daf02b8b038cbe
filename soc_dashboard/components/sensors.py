"""The sensors in one strip: alive, what they saw, what they lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from soc_dashboard.components.markup import ago, compact, number, percent, text, utc_text
from soc_dashboard.components.states import STALE_AFTER
from soc_dashboard.store.rows import JoinAccuracy, SensorLedger
from soc_dashboard.window import Window

MAX_SENSORS = 12


def sensor_strip(
    sensors: Sequence[SensorLedger], joins: Sequence[JoinAccuracy], now: datetime, window: Window
) -> Markup:
    """One entry per sensor, with the accuracy of its joins where a canary measures it.

    Says so when no sensor reported in the window.
    """
    if not sensors:
        return Markup('<div class="strip"><span><b>Sensors</b> none reported in this range</span></div>')
    until = min(now, window.until)
    measured = {row.sensor: row for row in joins}
    entries = [_entry(row, measured.get(row.sensor), until, now) for row in sensors[:MAX_SENSORS]]
    more = len(sensors) - MAX_SENSORS
    rest = Markup("<span>and {} more</span>").format(more) if more > 0 else Markup("")
    return Markup('<div class="strip"><b>Sensors</b>{}{}<span>as of <b>{}</b></span></div>').format(
        Markup("").join(entries), rest, utc_text(now)
    )


def _entry(row: SensorLedger, joins: JoinAccuracy | None, until: datetime, now: datetime) -> Markup:
    is_late = until - row.newest > STALE_AFTER
    frames = row.frames_seen + row.frames_dropped_kernel
    return Markup(
        '<span class="sensor"><span><span class="dot{}"></span><b>{}</b> {}{}</span>'
        "<span>frames <b>{}</b></span>"
        "<span>lost <b>{}</b></span><span>hellos <b>{}</b>, unused <b>{}</b></span><span>joined "
        "<b>{}</b></span>{}</span>"
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
        _accuracy(joins) if joins else Markup(""),
    )


def _accuracy(row: JoinAccuracy) -> Markup:
    """Precision and recall of an hour, small; numbers and meaning in the tooltip."""
    return Markup(
        '<span title="Measured by the requests of a canary in one hour, as of {}: {} of {} requests were '
        "joined with their own handshake, {} with another one; {} more were sent and not reported by the web "
        'server.">canary: precision <b>{}</b>, recall <b>{}</b> of {}</span>'
    ).format(
        utc_text(row.newest),
        number(row.requests_right),
        number(row.requests),
        number(row.requests_wrong),
        number(row.requests_unreported),
        percent(row.precision, 2),
        percent(row.recall, 2),
        compact(row.requests),
    )

"""The header's time range: presets, arrows, the way back from a zoom, pause, refresh, and what is shown."""

from __future__ import annotations

from datetime import datetime

import panel as pn
from markupsafe import Markup

from soc_dashboard.components.display_time import local_text, zone_name
from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import html_pane, joined, utc_text
from soc_dashboard.filters import CUSTOM, DEFAULT_PRESET, PRESETS, TimeRange
from soc_dashboard.window import Window


class RangeBar:
    """Buttons that call the session (see `BrowserCalls`), and the span with the time of the reading.

    Plain markup, not Material widgets: every page has it, and so it can be used before any script ran.
    """

    def __init__(self, time_range: TimeRange) -> None:
        self._range = time_range
        self._presets = html_pane(Markup(""), sizing_mode=None)
        self._span = html_pane(Markup(""), sizing_mode=None)
        self._refresh = html_pane(Markup(""), sizing_mode=None)
        time_range.param.watch(lambda *_: self._follow(), ["preset", "since_s", "until_s", "is_paused"])
        self._follow()
        self.items = [self._presets, self._span, pn.HSpacer(), self._refresh]

    def show(self, window: Window, as_of: datetime) -> None:
        """Write the span and the time of the reading."""
        if self._range.is_live:
            shown = Markup(
                '<span class="span" title="{} – {}"><span class="absolute">{} · </span>as of '
                '<b title="{}">{} {}</b></span>'
            ).format(
                utc_text(window.since),
                utc_text(window.until),
                "paused" if self._range.is_paused else "live",
                utc_text(as_of),
                local_text(as_of, "%H:%M:%S"),
                zone_name(as_of),
            )
        else:
            is_one_day = local_text(window.since, "%x") == local_text(window.until, "%x")
            shown = Markup('<span class="span" title="read {}"><b>{} – {}</b> {}</span>').format(
                utc_text(as_of),
                local_text(window.since, "%d %b %H:%M"),
                local_text(window.until, "%H:%M" if is_one_day else "%d %b %H:%M"),
                zone_name(as_of),
            )
        self._span.object = str(shown)

    def _follow(self) -> None:
        """Show what the range is."""
        shown = self._range
        chosen = DEFAULT_PRESET if shown.is_live and shown.preset == CUSTOM else shown.preset
        presets = [
            Markup('<button data-call="range" data-value="{}" aria-pressed="{}">{}</button>').format(
                preset, "true" if preset == chosen else "false", preset
            )
            for preset in ([*PRESETS, CUSTOM] if chosen == CUSTOM else PRESETS)
        ]
        can_go_back = shown.can_zoom_back or not shown.is_live
        self._presets.object = str(
            Markup(
                '<div class="range">{}<div class="presets" role="group" aria-label="Range">{}</div>{}{}</div>'
            ).format(
                call_button("earlier", "Earlier", "earlier", "wide-button"),
                joined(presets),
                call_button("later", "Later", "later", "wide-button"),
                call_button("back", "Back to the range before the zoom", "back") if can_go_back else "",
            )
        )
        label, shape = ("Refresh again", "play") if shown.is_paused else ("Pause refreshing", "pause")
        self._refresh.object = str(
            (call_button("pause", label, shape, "wide-button") if shown.is_live else Markup(""))
            + call_button("refresh", "Read again", "refresh")
        )


def call_button(action: str, label: str, icon_name: str, css_class: str = "") -> Markup:
    """A button with an icon that calls an action of the session."""
    return Markup(
        '<button class="icon-button {}" data-call="{}" title="{}" aria-label="{}">{}</button>'
    ).format(css_class, action, label, label, icon(icon_name))

"""ECharts options: requests over time and their share by verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import panel as pn
import param

from soc_dashboard.components.display_time import display_zone
from soc_dashboard.store.rows import StatusBucket, VerdictBucket, VerdictTotal
from soc_dashboard.store.sensor_rows import JoinBucket
from soc_dashboard.theme import SANS, palette
from soc_dashboard.verdicts import VERDICTS, VerdictStyle
from soc_dashboard.window import Window

# ECharts enters brush mode only by an action, and only once it has a brush (not while it is empty);
# `finished` comes after every drawing, hence the mark.
_ENTER_BRUSH_MODE = """
if (!cb_obj.ja4_brush && (cb_obj.getOption().brush || []).length) {
  cb_obj.ja4_brush = true
  const brushOption = {brushType: "lineX", brushMode: "single"}
  cb_obj.dispatchAction({type: "takeGlobalCursor", key: "brush", brushOption})
}
"""
# Panel 1.9 fails on component events, which carry no DOM event, so the bars go through a hidden input.
_SEND_BARS = """
const area = cb_data.areas.length ? cb_data.areas[0] : null
if (area) {
  bars.value = area.coordRange.join(",") + "," + Date.now()
  cb_obj.dispatchAction({type: "brush", areas: []})
}
"""


STATUS_CLASSES = ((2, "2xx", 0.45), (3, "3xx", 0.2), (1, "1xx", 0.2), (4, "4xx", 0.75), (5, "5xx", 1.0))
"""Hundreds of a status code, its label, and how strongly it is drawn: failures stand out, without a colour
that means a verdict."""
JOIN_STATES = (
    ("matched", "Matched", True, 0.75),
    ("cleartext", "Cleartext", True, 0.25),
    ("midstream", "Midstream", False, 0.4),
    ("ambiguous", "Ambiguous", False, 0.7),
    ("no_hello", "No hello", False, 1.0),
)
"""Join state, its label, whether nothing is missing, and how strongly it is drawn."""


def timeline_options(rows: Sequence[VerdictBucket], window: Window, is_dark: bool) -> dict[str, Any]:
    """Requests over time, stacked by verdict."""
    counts: dict[str, dict[int, int]] = defaultdict(dict)
    for row in rows:
        counts[row.verdict][row.bucket_s] = row.requests
    return _stacked_bars(
        [(style.label, _fill(style, is_dark), counts[style.key]) for style in VERDICTS], window, is_dark
    )


def status_timeline_options(rows: Sequence[StatusBucket], window: Window, is_dark: bool) -> dict[str, Any]:
    """Requests over time, stacked by class of status code."""
    counts: dict[int, dict[int, int]] = defaultdict(dict)
    for row in rows:
        counts[row.status_class][row.bucket_s] = row.requests
    colour = palette(is_dark).accent
    return _stacked_bars(
        [
            (label, {"color": colour, "opacity": strength}, counts[hundreds])
            for hundreds, label, strength in STATUS_CLASSES
            if counts[hundreds]
        ],
        window,
        is_dark,
    )


def join_timeline_options(rows: Sequence[JoinBucket], window: Window, is_dark: bool) -> dict[str, Any]:
    """Requests over time, stacked by how they met their handshake."""
    counts: dict[str, dict[int, int]] = defaultdict(dict)
    for row in rows:
        counts[row.join_state][row.bucket_s] = row.requests
    colours = palette(is_dark)
    return _stacked_bars(
        [
            (
                label,
                {"color": colours.accent if is_joined else colours.muted, "opacity": strength},
                counts[state],
            )
            for state, label, is_joined, strength in JOIN_STATES
            if counts[state]
        ],
        window,
        is_dark,
    )


def _stacked_bars(
    stack: Sequence[tuple[str, dict[str, Any], Mapping[int, int]]], window: Window, is_dark: bool
) -> dict[str, Any]:
    """One bar per `window.bucket_s`; `stack` is name, fill and count per start, from the axis up.

    A bar without requests is a gap, not left out.
    """
    colours = palette(is_dark)
    starts = bar_starts(window)
    labels = [_bar_label(start, window) for start in starts]
    series = [
        {
            "name": name,
            "type": "bar",
            "stack": "requests",
            "barCategoryGap": "18%",
            "itemStyle": fill,
            "emphasis": {"focus": "none"},
            "data": [counts.get(start, 0) for start in starts],
        }
        for name, fill, counts in stack
    ]
    text = {"color": colours.muted, "fontFamily": SANS, "fontSize": 11}
    return {
        "animation": False,
        "aria": {"enabled": True},
        "textStyle": {"fontFamily": SANS},
        "grid": {"left": 52, "right": 14, "top": 10, "bottom": 24},
        "tooltip": {
            "trigger": "axis",
            "axisPointer": {"type": "shadow", "shadowStyle": {"color": "rgba(128,140,156,0.14)"}},
            "backgroundColor": colours.card,
            "borderColor": colours.hairline,
            "padding": [6, 10],
            "textStyle": {"color": colours.text, "fontSize": 12, "fontFamily": SANS},
            "extraCssText": "box-shadow:none;font-variant-numeric:tabular-nums;",
            "order": "seriesDesc",
        },
        "brush": {
            "xAxisIndex": 0,
            "brushType": "lineX",
            "toolbox": [],
            "throttleType": "debounce",
            "brushStyle": {"color": "rgba(90,130,200,0.18)", "borderColor": colours.accent, "borderWidth": 1},
            "outOfBrush": {"colorAlpha": 0.45},
        },
        "toolbox": {"show": False},
        "xAxis": {
            "type": "category",
            "data": labels,
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": {"color": colours.hairline}},
            "axisLabel": {**text, "hideOverlap": True},
        },
        "yAxis": {
            "type": "value",
            "minInterval": 1,
            "splitNumber": 4,
            "axisLabel": text,
            "splitLine": {"lineStyle": {"color": colours.grid}},
        },
        "series": series,
    }


def donut_options(totals: Sequence[VerdictTotal], is_dark: bool) -> dict[str, Any]:
    """Share of requests by verdict, labelled directly."""
    colours = palette(is_dark)
    known = {row.verdict: row.requests for row in totals}
    total = sum(known.values())
    slices = [
        {"name": style.label, "value": known[style.key], "itemStyle": _fill(style, is_dark)}
        for style in VERDICTS
        if known.get(style.key)
    ]
    return {
        "animation": False,
        "aria": {"enabled": True},
        "textStyle": {"fontFamily": SANS},
        "title": {
            "text": f"{total:,}".replace(",", "\u202f"),
            "subtext": "requests",
            "left": "center",
            "top": "center",
            "itemGap": 2,
            "textStyle": {"color": colours.text, "fontSize": 18, "fontWeight": 600, "fontFamily": SANS},
            "subtextStyle": {"color": colours.muted, "fontSize": 11, "fontFamily": SANS},
        },
        "series": [
            {
                "type": "pie",
                "radius": ["46%", "64%"],
                "center": ["50%", "50%"],
                "minAngle": 3,
                "startAngle": 180,
                "label": {
                    "color": colours.text,
                    "fontSize": 12,
                    "formatter": "{b}\n{d} %",
                    "lineHeight": 16,
                    "overflow": "none",
                    "fontFamily": SANS,
                },
                "labelLine": {"length": 6, "length2": 4, "lineStyle": {"color": colours.hairline}},
                "itemStyle": {"borderColor": colours.card, "borderWidth": 2},
                "data": slices,
            }
        ],
    }


def chart(height: int) -> pn.pane.ECharts:
    """An empty chart that fills its card."""
    return pn.pane.ECharts(
        {}, height=height, sizing_mode="stretch_width", margin=0, options={"replaceMerge": ["series"]}
    )


def brushable(pane: pn.pane.ECharts, on_span: Callable[[int, int], None]) -> pn.widgets.TextInput:
    """Call `on_span(first bar, last bar)` when the person brushes over bars.

    The input that is returned must stand on the same page; it stays hidden.
    """
    bars = pn.widgets.TextInput(visible=False, margin=0)

    def ended(event: param.parameterized.Event) -> None:
        first, _, rest = event.new.partition(",")
        last = rest.partition(",")[0]
        if first.lstrip("-").isdigit() and last.lstrip("-").isdigit():
            on_span(int(first), int(last))

    bars.param.watch(ended, "value")
    pane.js_on_event("finished", _ENTER_BRUSH_MODE)
    pane.js_on_event("brushEnd", _SEND_BARS, bars=bars)
    return bars


def bar_starts(window: Window) -> list[int]:
    """Start of every bar in the window, seconds since the epoch, aligned to the bar width."""
    width = window.bucket_s
    first = int(window.since.timestamp()) // width * width
    last = max(int(window.until.timestamp()) - 1, first)
    return list(range(first, last + 1, width))


def _bar_label(start: int, window: Window) -> str:
    moment = datetime.fromtimestamp(start, display_zone())
    if window.bucket_s >= 86400:
        return moment.strftime("%d %b")
    if window.length.days >= 2:
        return moment.strftime("%d %b %H:%M")
    return moment.strftime("%H:%M")


def _fill(style: VerdictStyle, is_dark: bool) -> dict[str, Any]:
    fill: dict[str, Any] = {"color": style.dark if is_dark else style.light}
    if style.decal:
        fill["decal"] = style.decal
    return fill

"""Marks above a timeline: campaigns that were born, merged or ended, and labels, each at its bar.

They are elements of the page, not of the drawing: a keyboard reaches them, a screen reader reads them, and
what they name can be opened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from markupsafe import Markup

from soc_dashboard.components.charts import bar_starts
from soc_dashboard.components.display_time import local_text, zone_name
from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import chip, joined, middle_cut, text, utc_text, visible
from soc_dashboard.store.campaign_rows import CampaignEvent
from soc_dashboard.store.markers import LabelMarker, Markers
from soc_dashboard.window import Window

MAX_LINES = 6
"""Events of one mark that are told; the rest is counted."""
NAME = 40
EVENT_WORDS = {"born": "was born", "ended": "ended", "merged": "merged"}


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that happened."""

    at: datetime
    shape: str
    """Name of its icon."""
    plain: str
    """The sentence as text, for readers of the screen."""
    words: Markup


def marks_by_bar(markers: Markers, window: Window, query: str) -> dict[int, list[Mark]]:
    """Index of the bar -> what happened then, oldest first. `query` is the time range for links."""
    starts = bar_starts(window)
    found = [_campaign(event, query) for event in markers.campaigns]
    found += [_label(label) for label in markers.labels]
    placed: dict[int, list[Mark]] = defaultdict(list)
    for mark in sorted(found, key=lambda mark: mark.at):
        # An hour that began before the window belongs to its first bar.
        index = (int(mark.at.timestamp()) - starts[0]) // window.bucket_s
        placed[min(max(index, 0), len(starts) - 1)].append(mark)
    return dict(placed)


def marker_lane(marks: Mapping[int, Sequence[Mark]], window: Window) -> Markup:
    """The marks in a row above the bars; empty without any."""
    if not marks:
        return Markup("")
    bars = len(bar_starts(window))
    items = [_mark(of_bar, (index + 0.5) / bars) for index, of_bar in sorted(marks.items())]
    return Markup('<ol class="lane" aria-label="Marked on the timeline">{}</ol>').format(joined(items))


def _mark(marks: Sequence[Mark], share: float) -> Markup:
    shapes = list(dict.fromkeys(mark.shape for mark in marks))
    told, more = marks[:MAX_LINES], len(marks) - MAX_LINES
    lines = [
        Markup('<li><time title="{}">{}</time> {}</li>').format(
            utc_text(mark.at), local_text(mark.at, "%d %b %H:%M"), mark.words
        )
        for mark in told
    ]
    if more > 0:
        lines.append(Markup("<li>and {} more</li>").format(more))
    spoken = "; ".join(
        f"{local_text(mark.at, '%d %b %H:%M')} {zone_name(mark.at)}, {mark.plain}" for mark in told
    )
    return Markup(
        '<li class="mark {}" style="--share:{:.4f}"><button type="button" aria-label="{}">{}{}</button>'
        '<ul class="told">{}</ul></li>'
    ).format(
        "late" if share > 0.5 else "early",
        share,
        spoken + (f"; and {more} more" if more > 0 else ""),
        joined([icon(shape) for shape in shapes]),
        len(marks) if len(marks) > 1 else "",
        joined(lines),
    )


def _campaign(event: CampaignEvent, query: str) -> Mark:
    name = visible(event.campaign_id, 64)
    words = EVENT_WORDS.get(event.status, event.status)
    link = _campaign_link(event.campaign_id, query)
    if event.status == "merged" and event.merged_into:
        into = visible(event.merged_into, 64)
        return Mark(
            event.hour,
            "campaigns",
            f"campaign {name} merged into {into}",
            Markup("campaign {} merged into {}").format(link, _campaign_link(event.merged_into, query)),
        )
    return Mark(
        event.hour, "campaigns", f"campaign {name} {words}", Markup("campaign {} {}").format(link, words)
    )


def _campaign_link(campaign_id: str, query: str) -> Markup:
    return Markup('<a href="/cluster/{}{}">{}</a>').format(
        quote(campaign_id, safe=""), query, text(campaign_id, 64)
    )


def _label(label: LabelMarker) -> Mark:
    parts = [label.address, middle_cut(label.ja4_stable, NAME), label.host]
    about = visible(", ".join(filter(None, parts)) or "everything", 160)
    back = ", taken back since" if label.is_revoked else ""
    note = f": {visible(label.note, 120)}" if label.note else ""
    user = visible(label.user, 60)
    return Mark(
        label.first_labelled_at,
        "label",
        f"{user} labelled {about} {label.label.replace('_', ' ')}{back}{note}",
        Markup("{} labelled {} {}{} {}").format(
            user, about, chip(label.label), back, note.removeprefix(": ")
        ),
    )

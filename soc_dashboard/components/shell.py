"""Header, rail, side drawer and the frame around a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

import panel as pn
import param
from markupsafe import Markup

from soc_dashboard.components.find_box import find_box
from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import STYLESHEET, ago_text, html_pane
from soc_dashboard.components.range_bar import call_button
from soc_dashboard.filters import CUSTOM, TimeRange

PRODUCT = "ja4-platform"
DRAWER_PX = 440
_BOX: dict[str, Any] = {"stylesheets": [STYLESHEET], "sizing_mode": "stretch_width", "margin": 0}

PAGES: tuple[tuple[str, str, str], ...] = (
    ("/", "Overview", "overview"),
    ("/alerts", "Alerts", "alerts"),
    ("/campaigns", "Campaigns", "campaigns"),
    ("/requests", "Requests", "requests"),
    ("/fingerprints", "Fingerprints", "fingerprints"),
    ("/sensors", "Sensors", "sensors"),
    ("/models", "Models", "models"),
    ("/settings", "Settings", "settings"),
    ("/audit", "Audit", "audit"),
)


class PageFrame(pn.Column):
    """A whole page: header, rail, content and side drawers, in the boxes that the first paint has as well.

    Material's own page costs a browser a third of an opening, even where nothing on the page is Material's.
    """

    dark_theme = param.Boolean(default=False, doc="The theme that the browser shows.")
    is_reading = param.Boolean(default=False, doc="Figures are being read; told after a second.")

    _rename: ClassVar[Mapping[str, str | None]] = {"dark_theme": None, "is_reading": None}

    def __init__(
        self,
        heading: str,
        header: pn.viewable.Viewable,
        rail_pane: pn.viewable.Viewable,
        content: pn.viewable.Viewable,
        **params: Any,
    ) -> None:
        self.heading = heading
        self.parts = (header, rail_pane, content)
        super().__init__(
            pn.Column(header, css_classes=["frame-header"], **_BOX),
            pn.Column(rail_pane, css_classes=["frame-rail"], **_BOX),
            pn.Column(content, css_classes=["frame-content"], **_BOX),
            css_classes=["frame"],
            **_BOX,
            **params,
        )
        self.param.watch(lambda event: self._tell_reading(event.new), "is_reading")

    def _tell_reading(self, is_reading: bool) -> None:
        self.css_classes = ["frame", "reading"] if is_reading else ["frame"]


def carried_query(time_range: TimeRange) -> str:
    """The time range as a query, for links to other pages; empty for the default."""
    if time_range.preset == CUSTOM:
        return "?" + urlencode({"range": CUSTOM, "from": time_range.since_s, "to": time_range.until_s})
    default = time_range.param["preset"].default
    return "" if time_range.preset == default else "?" + urlencode({"range": time_range.preset})


def rail(here: str, query: str) -> Markup:
    """Links to the pages that exist; the time range goes along."""
    links = [
        Markup('<a href="{}{}" class="{}"{}>{}<span>{}</span></a>').format(
            path,
            query,
            "here" if path == here else "",
            Markup(' aria-current="page"') if path == here else "",
            icon(name),
            label,
        )
        for path, label, name in PAGES
    ]
    return Markup('<nav class="rail" aria-label="Pages">{}</nav>').format(Markup("").join(links))


def brand() -> Markup:
    """Product name, linked to the overview."""
    return Markup('<div class="brand"><a href="/">{}<span class="word">{}</span></a></div>').format(
        icon("fingerprints"), PRODUCT
    )


def frame(
    title: str,
    header: Sequence[object],
    main: Sequence[object],
    drawers: Sequence[pn.viewable.Viewable],
    rail_pane: pn.viewable.Viewable,
) -> PageFrame:
    """The whole page. The browser's script sets the theme on the document; Material's widgets follow it."""
    views = html_pane(
        call_button("views", "Saved views", "views"), sizing_mode=None, css_classes=["wide-only"]
    )
    toggle = html_pane(
        Markup(
            '<button class="icon-button" data-help-toggle title="What the figures mean" aria-label="Help">{}'
            '</button><button class="icon-button" data-theme-toggle title="Light or dark" '
            'aria-label="Light or dark">{}</button>'
            '<a class="icon-button" href="/account" title="Sign out, password, tokens" '
            'aria-label="Your account">{}</a>'
        ).format(icon("help"), icon("theme"), icon("account")),
        sizing_mode=None,
    )
    header_row = pn.Row(
        html_pane(brand(), sizing_mode=None),
        *header,
        html_pane(find_box("header"), sizing_mode=None, css_classes=["wide-only", "find-host"]),
        views,
        toggle,
        css_classes=["header-items"],
        stylesheets=[STYLESHEET],
        sizing_mode="stretch_width",
        margin=0,
    )
    content = pn.Column(
        html_pane(find_box("page"), css_classes=["narrow-only"]),
        *main,
        css_classes=["page"],
        stylesheets=[STYLESHEET],
        sizing_mode="stretch_width",
    )
    page = PageFrame(f"{title} · {PRODUCT}", header_row, rail_pane, content, dark_theme=is_dark_visit())
    for drawer in drawers:
        _add_once_opened(page, drawer)
    return page


def _add_once_opened(page: PageFrame, drawer: pn.viewable.Viewable) -> None:
    """Many openings of a page never open its drawers; with all their fields these are half of its widgets."""

    def opened(event: Any) -> None:
        if event.new and drawer not in page.objects:
            page.append(drawer)

    drawer.param.watch(opened, "open")


def is_dark_visit() -> bool:
    """The theme of the visitor's last visit, from the cookie that `static/shell.js` writes."""
    return bool((pn.state.cookies or {}).get("ja4_theme") == "dark")


def age_note(newest: datetime | None, now: datetime) -> str:
    """Age of the newest data in words."""
    return f"newest data {ago_text(newest, now)}" if newest else "no data yet"

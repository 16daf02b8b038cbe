"""Header, rail, side drawer and the frame around a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import urlencode

import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup
from panel_material_ui.template.base import Page

from soc_dashboard.assets import asset
from soc_dashboard.components.display_time import local_text, zone_name
from soc_dashboard.components.find_box import find_box
from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import STYLESHEET, ago_text, html_pane, utc_text
from soc_dashboard.filters import CUSTOM, DEFAULT_PRESET, PRESETS, TimeRange
from soc_dashboard.theme import material_theme
from soc_dashboard.window import Window

PRODUCT = "ja4-platform"
RAIL_PX = 64
DRAWER_PX = 440

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

# A phone has no room for a rail: below 900 px it becomes a bar at the bottom edge.
_PAGE_STYLE = {
    "& .header .MuiLinearProgress-root": {"position": "absolute", "bottom": -3, "height": 2},
    "& .main": {"backgroundColor": "var(--surface)"},
    "& .main .MuiToolbar-root, & .sidebar .MuiToolbar-root": {
        "minHeight": "49px !important",
        "height": 49,
        "margin": 0,
    },
    "@media (max-width: 900px)": {
        "& > nav": {"width": "0 !important"},
        "& .sidebar": {
            "position": "fixed !important",
            "top": "auto",
            "bottom": 0,
            "left": 0,
            "right": 0,
            "width": "100% !important",
            "height": "53px !important",
            "borderTop": "1px solid var(--hairline)",
            "borderRight": 0,
            "zIndex": 1300,
        },
        "& .sidebar .MuiToolbar-root": {"display": "none"},
    },
}


class RangeBar:
    """Presets, arrows, zoom back and refresh for the shared time range."""

    def __init__(
        self, time_range: TimeRange, clock: Callable[[], datetime], on_refresh: Callable[[], None]
    ) -> None:
        self._range = time_range
        self._clock = clock
        self._span = html_pane(Markup(""), sizing_mode=None)
        self._presets = pmui.RadioButtonGroup(
            options=list(PRESETS), value=DEFAULT_PRESET, size="small", margin=0, color="default"
        )
        self._is_following = False
        self._back = self._button("undo", "Back to the range before the zoom", time_range.zoom_back)
        later = self._button("chevron_right", "Later", lambda: time_range.move(clock(), 1))
        earlier = self._button("chevron_left", "Earlier", lambda: time_range.move(clock(), -1))
        later.css_classes = earlier.css_classes = ["wide-only"]
        later.stylesheets = earlier.stylesheets = [STYLESHEET]
        refresh = self._button("refresh", "Read again", on_refresh)
        self._pause = html_pane(Markup(""), sizing_mode=None, css_classes=["wide-only"])
        self._presets.param.watch(lambda _: self._chosen(), "value")
        time_range.param.watch(lambda *_: self._follow(), ["preset", "since_s", "until_s", "is_paused"])
        self._follow()
        self.items = [
            earlier,
            self._presets,
            later,
            self._back,
            self._span,
            pn.HSpacer(),
            self._pause,
            refresh,
        ]

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

    def _button(self, icon_name: str, label: str, action: Callable[[], None]) -> pmui.IconButton:
        button = pmui.IconButton(icon=icon_name, description=label, size="small", margin=0, color="default")
        button.on_click(lambda *_: action())
        return button

    def _chosen(self) -> None:
        if not self._is_following:
            self._range.choose(self._presets.value)

    def _follow(self) -> None:
        """Show what the range is; a group of radio buttons cannot have none chosen, so a zoom "
        "gets its own."""
        self._is_following = True
        shown = DEFAULT_PRESET if self._range.is_live and self._range.preset == CUSTOM else self._range.preset
        self._presets.param.update(
            options=[*PRESETS, CUSTOM] if shown == CUSTOM else list(PRESETS), value=shown
        )
        self._is_following = False
        self._back.visible = self._range.can_zoom_back or not self._range.is_live
        label, shape = ("Refresh again", "play") if self._range.is_paused else ("Pause refreshing", "pause")
        self._pause.visible = self._range.is_live
        self._pause.object = str(call_button("pause", label, shape))


def call_button(action: str, label: str, icon_name: str) -> Markup:
    """A button with an icon that calls an action of the session."""
    return Markup('<button class="icon-button" data-call="{}" title="{}" aria-label="{}">{}</button>').format(
        action, label, label, icon(icon_name)
    )


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
    rail_pane: object,
) -> Page:
    """The whole page. The browser's script sets the theme on the document; Material follows it."""
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
    page = Page(
        title="",
        meta_title=f"{title} · {PRODUCT}",
        meta_name=PRODUCT,
        favicon="/assets/favicon.svg",
        header=[header_row],
        sidebar=[rail_pane],
        sidebar_variant="permanent",
        sidebar_width=RAIL_PX,
        sidebar_resizable=False,
        main=[
            pn.Column(
                html_pane(find_box("page"), css_classes=["narrow-only"]),
                *main,
                css_classes=["page"],
                stylesheets=[STYLESHEET],
                sizing_mode="stretch_width",
            )
        ],
        theme_toggle=False,
        theme_config=material_theme(),
        dark_theme=is_dark_visit(),
        busy_indicator="linear",
        css_files=[asset("fonts.css"), asset("overlays.css")],
        sx=_PAGE_STYLE,
    )
    page.main.extend(drawers)
    return page


def is_dark_visit() -> bool:
    """The theme of the visitor's last visit, from the cookie that `static/shell.js` writes."""
    return bool((pn.state.cookies or {}).get("ja4_theme") == "dark")


def age_note(newest: datetime | None, now: datetime) -> str:
    """Age of the newest data in words."""
    return f"newest data {ago_text(newest, now)}" if newest else "no data yet"

"""The page of one subject (a fingerprint, an address, a host): who, how much, how judged, and why."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from urllib.parse import unquote

import panel as pn
import param
from markupsafe import Markup

from soc_dashboard.components import charts, fingerprint_card, states
from soc_dashboard.components.cards import card, grid, head, head_pane, verdict_legend
from soc_dashboard.components.contributions import fingerprint_reasons
from soc_dashboard.components.kpi import Kpi, kpi_row
from soc_dashboard.components.markup import html_pane, utc_text
from soc_dashboard.components.shell import carried_query
from soc_dashboard.components.timeline_markers import marker_lane, marks_by_bar
from soc_dashboard.components.top_bars import top_bars
from soc_dashboard.filters import Subject, TableState
from soc_dashboard.pages.brush import zoom_to_bars
from soc_dashboard.pages.request_table import RequestTable
from soc_dashboard.pages.session import PageSession
from soc_dashboard.search.terms import Term
from soc_dashboard.store.markers import Markers, read_markers
from soc_dashboard.store.overview import read_capture
from soc_dashboard.store.subject import SubjectReading, read_subject
from soc_dashboard.store.tops import Top, read_tops
from soc_dashboard.window import Window

TIMELINE_PX = 170
DONUT_PX = 230
MAX_ASKED = 255
"""Longest subject in a path: a host name has at most 253 characters."""


class MemberTable(Protocol):
    """The table of what makes up the subject."""

    card: pn.Column

    async def read(self) -> None:
        """Read the page that its state asks for; raises StoreFailedError."""

    def drawers(self) -> list[pn.viewable.Viewable]:
        """What a click on a row opens."""


class SubjectPage(PageSession):
    """Subclasses name the subject, its figures and its members; the pattern of the page is the same."""

    tops: tuple[Top, ...] = (Top.ASN, Top.COUNTRY)
    """What stands beside the donut, two or three."""

    def __init__(self, **session: object) -> None:
        self.subject = Subject(value=asked_subject(self.path))
        self.members_state = TableState()
        self.requests_state = TableState()
        super().__init__(**session)  # type: ignore[arg-type]
        self.title = self.subject.value
        self.name = html_pane(states.skeleton_block(44))
        self.kpis = html_pane(states.skeleton_kpis(8))
        self.timeline_head = html_pane(head("Requests over time", "drag to zoom"))
        self.markers = html_pane(Markup(""), visible=False, css_classes=["markers"])
        self.timeline = charts.chart(TIMELINE_PX)
        self.timeline_wait = html_pane(states.skeleton_block(TIMELINE_PX - 24))
        self.donut = charts.chart(DONUT_PX)
        self.donut_wait = html_pane(states.skeleton_block(DONUT_PX - 24))
        self.timeline.visible = self.donut.visible = False
        self.reasons = html_pane(states.skeleton_block(DONUT_PX - 24))
        self.claims = html_pane(states.skeleton_block(90))
        self.top_bars = {top: html_pane(states.skeleton_block(DONUT_PX)) for top in self.tops}
        self.members = self.member_table()
        self.requests = RequestTable(self, self.requests_state, self.scope, page_rows=20)
        self._shown: SubjectReading | None = None
        bars = charts.brushable(self.timeline, lambda first, last: zoom_to_bars(self, first, last))
        self._details = pn.Column(
            self.kpis,
            card(self.timeline_head, self.markers, self.timeline_wait, self.timeline, bars),
            grid(
                "thirds" if len(self.tops) == 2 else "quarters",
                card(
                    html_pane(head("Verdicts", "share of requests", is_chart=True)),
                    self.donut_wait,
                    self.donut,
                ),
                *(card(pane) for pane in self.top_bars.values()),
            ),
            self.members.card,
            grid(
                "halves",
                card(
                    head_pane("Why these scores", "strongest contributions, typical value against training"),
                    self.reasons,
                ),
                card(
                    head_pane("What the client says it is", "user agents, and what contradicts them"),
                    self.claims,
                ),
            ),
            self.requests.card,
            *self.more_cards(),
            css_classes=["stack"],
            sizing_mode="stretch_width",
            margin=0,
            styles={"gap": "12px", "min-width": "0", "max-width": "100%"},
        )

    @abstractmethod
    def scope(self) -> Sequence[Term]:
        """The terms that select the subject."""

    @abstractmethod
    def member_table(self) -> MemberTable:
        """The table of what makes up the subject."""

    @abstractmethod
    async def maybe_title(self) -> Markup | None:
        """The subject's name and facts; None when the page has nothing to show, after saying so in `name`."""

    @abstractmethod
    def figures(self, reading: SubjectReading) -> list[Kpi]:
        """Eight key figures."""

    def more_cards(self) -> list[object]:
        """Cards below the request log."""
        return []

    async def read_reading(self, window: Window, as_of: datetime) -> SubjectReading:
        """Everything that the common part of the page shows."""
        return await read_subject(self.marts, self.scope(), window, as_of)

    async def read_markers(self, window: Window) -> Markers:
        """What is marked on the timeline."""
        return await read_markers(self.marts, self.scope(), window)

    def url_names(self) -> Mapping[str, tuple[param.Parameterized, str]]:
        """The range and both tables' state."""
        return {
            **super().url_names(),
            "members": (self.members_state, "text"),
            "verdict": (self.members_state, "verdict"),
            "sort": (self.members_state, "sort"),
            "dir": (self.members_state, "descending"),
            "page": (self.members_state, "page"),
            "q": (self.requests_state, "text"),
            "rsort": (self.requests_state, "sort"),
            "rdir": (self.requests_state, "descending"),
            "rpage": (self.requests_state, "page"),
            "hide": (self.members_state, "hidden"),
            "rhide": (self.requests_state, "hidden"),
        }

    def body(self) -> list[object]:
        """Panes in the order of the page's pattern."""
        return [self.name, self._details]

    def search_for(self, query: str) -> None:
        """Add a term to the query of the request log."""
        self.requests.add(query)

    def drawers(self) -> list[pn.viewable.Viewable]:
        """The request or member that was clicked."""
        return [self.requests.drawer, *self.members.drawers()]

    async def read(self, window: Window, as_of: datetime) -> None:
        """The subject first; everything else is about it."""
        title = await self.maybe_title()
        self._details.visible = title is not None
        if title is None:
            self.notice(Markup(""))
            return
        self.name.object = str(title)
        reading, tops, capture, *_ = await asyncio.gather(
            self.read_reading(window, as_of),
            read_tops(self.marts, self.scope(), window, self.tops),
            read_capture(self.marts, window),
            self.members.read(),
            self.requests.read(),
        )
        self._shown = reading
        requests = sum(row.requests for row in reading.verdicts)
        self.notice(
            states.stale_banner(reading.extent.newest, window, as_of) + states.loss_banner(capture, requests)
        )
        self.kpis.object = str(kpi_row(self.figures(reading), dense=True))
        self.reasons.object = str(fingerprint_reasons(reading.reasons, window))
        self.claims.object = str(fingerprint_card.claims(reading.claims, window))
        # Those of another range would stand over the wrong bars.
        self.markers.visible = False
        span = carried_query(self.time_range)
        for top, pane in self.top_bars.items():
            pane.object = str(top_bars(top, tops[top], window, span))
        self.redraw()
        # Last, because figures and rows are what the person waits for.
        marks = marks_by_bar(await self.read_markers(window), window, span)
        if self.window == window:
            lane = marker_lane(marks, window) if self.timeline.visible else Markup("")
            self.markers.object, self.markers.visible = str(lane), bool(lane)

    def redraw(self) -> None:
        """Timeline and donut in the colours of the theme."""
        reading = self._shown
        if reading is None:
            return
        has_requests = bool(reading.verdicts)
        if has_requests:
            self.timeline_head.object = str(
                head("Requests over time", "drag to zoom", verdict_legend(reading.verdicts), is_chart=True)
            )
            self.timeline.object = charts.timeline_options(reading.timeline, reading.window, self.is_dark)
            self.donut.object = charts.donut_options(reading.verdicts, self.is_dark)
        else:
            self.timeline_wait.object = self.donut_wait.object = str(self._nothing(reading))
        self.timeline.visible = self.donut.visible = has_requests
        self.timeline_wait.visible = self.donut_wait.visible = not has_requests

    def last_seen(self, reading: SubjectReading) -> datetime | None:
        """When the subject was last seen at all, as far as the page knows."""
        return reading.extent.newest

    def _nothing(self, reading: SubjectReading) -> Markup:
        last = self.last_seen(reading)
        return states.empty(
            "No requests in this range",
            states.asked_text(reading.window),
            f"The newest data is from {utc_text(last)}." if last else "Nothing was recorded yet.",
            states.newest_link(last),
        )


def asked_subject(path: str) -> str:
    """The last part of the path of the request that opened this session, `path` being what leads to it."""
    route = getattr(pn.state, "route_params", None) or {}
    asked = next(iter(route.values()), None)
    if asked is None:
        pathname = pn.state.location.pathname if pn.state.location else ""
        asked = pathname.rpartition(f"{path}/")[2]
    return unquote(str(asked)).replace("\0", "")[:MAX_ASKED]

"""The log explorer: every request of the range that matches a query."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

import panel as pn
import param

from soc_dashboard.components import charts, states
from soc_dashboard.components.cards import card, head
from soc_dashboard.components.markup import html_pane
from soc_dashboard.filters import TableState
from soc_dashboard.pages.brush import zoom_to_bars
from soc_dashboard.pages.request_table import RequestTable
from soc_dashboard.pages.session import PageSession
from soc_dashboard.search.terms import SearchError
from soc_dashboard.store.database import StoreFailedError
from soc_dashboard.store.requests import read_request_timeline
from soc_dashboard.store.rows import Extent, StatusBucket
from soc_dashboard.window import Window

TIMELINE_PX = 130


class RequestsPage(PageSession):
    """Timeline by status class and the table; both follow the query in the box."""

    title = "Requests"
    path = "/requests"

    def __init__(self, **session: object) -> None:
        self.table_state = TableState()
        super().__init__(**session)  # type: ignore[arg-type]
        self.timeline_head = html_pane(head("Requests over time", "by status class; drag to zoom"))
        self.timeline = charts.chart(TIMELINE_PX)
        self.timeline.visible = False
        self.timeline_wait = html_pane(states.skeleton_block(TIMELINE_PX - 24))
        self.requests = RequestTable(self, self.table_state, lambda: (), page_rows=50)
        self._buckets: list[StatusBucket] = []
        self._bars = charts.brushable(self.timeline, lambda first, last: zoom_to_bars(self, first, last))
        # The table reads itself again for a new query.
        self.table_state.param.watch(lambda *_: pn.state.execute(self._read_timeline_again), "text")

    def url_names(self) -> Mapping[str, tuple[param.Parameterized, str]]:
        """The range, the query and the table's state."""
        return {
            **super().url_names(),
            "q": (self.table_state, "text"),
            "sort": (self.table_state, "sort"),
            "dir": (self.table_state, "descending"),
            "page": (self.table_state, "page"),
            "hide": (self.table_state, "hidden"),
        }

    def body(self) -> list[object]:
        """Timeline above the log."""
        return [card(self.timeline_head, self.timeline_wait, self.timeline, self._bars), self.requests.card]

    def search_for(self, query: str) -> None:
        """Add a term to the query."""
        self.requests.add(query)

    def drawers(self) -> list[pn.viewable.Viewable]:
        """The request that was clicked."""
        return [self.requests.drawer]

    async def read(self, window: Window, as_of: datetime) -> None:
        """The log and its timeline, each shown when it is there."""
        *_, extent = await asyncio.gather(
            self.requests.read(), self._read_timeline(), self.marts.fetch("data_extent", Extent, {})
        )
        self.notice(states.stale_banner(extent[0].newest, window, as_of))

    async def _read_timeline_again(self) -> None:
        try:
            await self._read_timeline()
        except StoreFailedError as failure:
            self.show_failure(failure)

    async def _read_timeline(self) -> None:
        window, query = self.window, self.table_state.text
        try:
            buckets = await read_request_timeline(self.marts, self.requests.terms(), window)
            if (window, query) != (self.window, self.table_state.text):
                return
            self._buckets = buckets
        except SearchError as mistake:
            self._buckets = []
            self.timeline_wait.object = str(states.mistake(str(mistake)))
        else:
            self.timeline_wait.object = str(
                states.empty("Nothing matches", states.asked_text(window, self.table_state.needle), "")
            )
        self.redraw()

    def redraw(self) -> None:
        """The timeline, in the colours of the theme."""
        if self._buckets:
            self.timeline_head.object = str(
                head("Requests over time", "by status class; drag to zoom", is_chart=True)
            )
            self.timeline.object = charts.status_timeline_options(self._buckets, self.window, self.is_dark)
        self.timeline.visible = bool(self._buckets)
        self.timeline_wait.visible = not self._buckets

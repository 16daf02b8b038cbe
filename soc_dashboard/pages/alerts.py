"""The review queue: who needs a decision, worst first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

import panel as pn
import param
from markupsafe import Markup

from soc_dashboard.components.alert_words import facet_strip
from soc_dashboard.components.markup import html_pane
from soc_dashboard.components.shell import carried_query
from soc_dashboard.components.states import stale_banner
from soc_dashboard.filters import TableState
from soc_dashboard.pages.alert_table import AlertTable
from soc_dashboard.pages.session import PageSession
from soc_dashboard.search.terms import SearchError
from soc_dashboard.store.alerts import read_alert_facets
from soc_dashboard.store.database import StoreFailedError
from soc_dashboard.store.rows import Extent
from soc_dashboard.window import Window


class AlertsPage(PageSession):
    """What the alerts have in common, above the queue; both follow the query in the box."""

    title = "Alerts"
    path = "/alerts"

    def __init__(self, **session: object) -> None:
        self.table_state = TableState()
        super().__init__(**session)  # type: ignore[arg-type]
        self.facets = html_pane(Markup(""), visible=False)
        self.alerts = AlertTable(self, self.table_state)
        # The table reads itself again for a new query.
        self.table_state.param.watch(lambda *_: pn.state.execute(self._read_facets_again), "text")

    def url_names(self) -> Mapping[str, tuple[param.Parameterized, str]]:
        """The range, the query and the table's state."""
        return {
            **super().url_names(),
            "q": (self.table_state, "text"),
            "verdict": (self.table_state, "verdict"),
            "sort": (self.table_state, "sort"),
            "dir": (self.table_state, "descending"),
            "page": (self.table_state, "page"),
            "hide": (self.table_state, "hidden"),
        }

    def body(self) -> list[object]:
        """Facets above the queue."""
        return [self.facets, self.alerts.card]

    def search_for(self, query: str) -> None:
        """Add a term to the query."""
        self.alerts.add(query)

    def drawers(self) -> list[pn.viewable.Viewable]:
        """The evidence of the alert that was clicked."""
        return self.alerts.drawers()

    async def read(self, window: Window, as_of: datetime) -> None:
        """The queue and what it has in common, each shown when it is there."""
        *_, extent = await asyncio.gather(
            self.alerts.read(), self._read_facets(), self.marts.fetch("data_extent", Extent, {})
        )
        self.notice(stale_banner(extent[0].newest, window, as_of))

    async def _read_facets_again(self) -> None:
        try:
            await self._read_facets()
        except StoreFailedError as failure:
            self.show_failure(failure)

    async def _read_facets(self) -> None:
        try:
            terms = self.alerts.terms()
            facets = await read_alert_facets(self.marts, terms, self.window)
        except SearchError:
            # The table says what is wrong with the query.
            self.facets.visible = False
            return
        strip = facet_strip(facets, terms, self._kept())
        self.facets.object = str(strip)
        self.facets.visible = bool(strip)

    def _kept(self) -> str:
        """The range and the verdict as a query: what a link to fewer alerts keeps."""
        span = carried_query(self.time_range).removeprefix("?")
        verdict = self.table_state.verdict
        return "&".join(filter(None, (span, urlencode({"verdict": verdict}) if verdict else "")))

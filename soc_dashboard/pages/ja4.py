"""The page of one JA4: who uses it, what it does, and why it is judged so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import pandas as pd
import panel as pn
import param
from markupsafe import Markup

from soc_dashboard.components import charts, fingerprint_card, states
from soc_dashboard.components.cards import card, grid, head, head_pane, verdict_legend
from soc_dashboard.components.contributions import fingerprint_reasons
from soc_dashboard.components.fingerprint_kpis import fingerprint_kpis
from soc_dashboard.components.frames import client_frame
from soc_dashboard.components.kpi import kpi_row
from soc_dashboard.components.markup import html_pane, utc_text
from soc_dashboard.components.shell import carried_query
from soc_dashboard.filters import Ja4Selection, TableState
from soc_dashboard.pages.brush import zoom_to_bars
from soc_dashboard.pages.request_table import RequestTable
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.table import COUNT, MARKUP, PLAIN, Columns, DatabaseTable
from soc_dashboard.search.terms import Term
from soc_dashboard.store.fingerprint import (
    FingerprintReading,
    maybe_fingerprint,
    read_clients,
    read_fingerprint,
)
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.window import Window

TIMELINE_PX = 170
DONUT_PX = 230

CLIENTS: Columns = {
    "verdict": ("Verdict", 11, MARKUP),
    "client_ip": ("Client", 17, PLAIN),
    "requests": ("Requests", 9, COUNT),
    "hosts": ("Hosts", 7, COUNT),
    "score": ("Score", 8, PLAIN),
    "reason": ("Why", 37, PLAIN),
    "last_ts": ("Last seen", 11, PLAIN),
}


class Ja4Page(PageSession):
    """One fingerprint over the range; an exact JA4 is shown through its stable form."""

    title = "JA4"
    path = "/ja4"

    def __init__(self, **session: object) -> None:
        self.selection = Ja4Selection(fingerprint=asked_fingerprint())
        self.clients_state = TableState()
        self.requests_state = TableState()
        super().__init__(**session)  # type: ignore[arg-type]
        self.title = self.selection.fingerprint
        self.name = html_pane(states.skeleton_block(44))
        self.kpis = html_pane(states.skeleton_kpis(8))
        self.timeline_head = html_pane(head("Requests over time", "drag to zoom"))
        self.timeline = charts.chart(TIMELINE_PX)
        self.timeline_wait = html_pane(states.skeleton_block(TIMELINE_PX - 24))
        self.donut = charts.chart(DONUT_PX)
        self.donut_wait = html_pane(states.skeleton_block(DONUT_PX - 24))
        self.timeline.visible = self.donut.visible = False
        self.reasons = html_pane(states.skeleton_block(DONUT_PX - 24))
        self.claims = html_pane(states.skeleton_block(90))
        self.hello = html_pane(states.skeleton_block(240))
        self._stable = ""
        self._as_of: datetime = self.clock()
        self._shown: FingerprintReading | None = None
        self.clients = DatabaseTable(
            self,
            self.clients_state,
            title="Clients",
            note="worst first; click one to see its requests",
            columns=CLIENTS,
            sortable=frozenset(CLIENTS),
            read_page=self._clients_page,
            page_rows=10,
            verdict_filter="All verdicts",
        )
        self.requests = RequestTable(self, self.requests_state, self._scope, page_rows=20)
        self.clients.table.on_click(self._client_clicked)
        bars = charts.brushable(self.timeline, lambda first, last: zoom_to_bars(self, first, last))
        self._details = pn.Column(
            self.kpis,
            card(self.timeline_head, self.timeline_wait, self.timeline, bars),
            grid(
                "narrow-wide",
                card(head_pane("Verdicts", "share of requests"), self.donut_wait, self.donut),
                card(
                    head_pane("Why these scores", "strongest contributions, typical value against training"),
                    self.reasons,
                ),
            ),
            self.clients.card,
            card(
                head_pane("What the client says it is", "user agents seen with this handshake"), self.claims
            ),
            self.requests.card,
            card(
                head_pane("The hello", "decoded from JA4_r: sorted, without GREASE, SNI and ALPN"), self.hello
            ),
            css_classes=["stack"],
            sizing_mode="stretch_width",
            margin=0,
            styles={"gap": "12px", "min-width": "0", "max-width": "100%"},
        )

    def url_names(self) -> Mapping[str, tuple[param.Parameterized, str]]:
        """The range and both tables' state."""
        return {
            **super().url_names(),
            "clients": (self.clients_state, "text"),
            "verdict": (self.clients_state, "verdict"),
            "sort": (self.clients_state, "sort"),
            "dir": (self.clients_state, "descending"),
            "page": (self.clients_state, "page"),
            "q": (self.requests_state, "text"),
            "rsort": (self.requests_state, "sort"),
            "rdir": (self.requests_state, "descending"),
            "rpage": (self.requests_state, "page"),
        }

    def body(self) -> list[object]:
        """Panes in the order of the page's pattern."""
        return [self.name, self._details]

    def drawer(self) -> pn.viewable.Viewable | None:
        """The request that was clicked."""
        return self.requests.drawer

    async def read(self, window: Window, as_of: datetime) -> None:
        """The fingerprint first; everything else needs its stable form."""
        asked = self.selection.fingerprint
        fingerprint = await maybe_fingerprint(self.marts, asked)
        if fingerprint is None:
            self.name.object = str(fingerprint_card.not_found(asked))
            self._details.visible = False
            self.notice(Markup(""))
            return
        self._details.visible = True
        self._stable, self._as_of = fingerprint.ja4_stable, as_of
        query = carried_query(self.time_range)
        self.name.object = str(fingerprint_card.title(asked, fingerprint, query, as_of))
        self.hello.object = str(fingerprint_card.hello(fingerprint))
        reading = await read_fingerprint(self.marts, fingerprint, window, as_of)
        self._shown = reading
        self.notice(states.stale_banner(reading.extent.newest, window, as_of))
        self.kpis.object = str(kpi_row(fingerprint_kpis(reading), dense=True))
        self.reasons.object = str(fingerprint_reasons(reading.reasons, window))
        self.claims.object = str(fingerprint_card.claims(reading.claims, window))
        self.redraw()
        await self.clients.read()
        await self.requests.read()

    def redraw(self) -> None:
        """Timeline and donut in the colours of the theme."""
        reading = self._shown
        if reading is None:
            return
        has_requests = bool(reading.verdicts)
        if has_requests:
            self.timeline_head.object = str(
                head("Requests over time", "drag to zoom", verdict_legend(reading.verdicts))
            )
            self.timeline.object = charts.timeline_options(reading.timeline, reading.window, self.is_dark)
            self.donut.object = charts.donut_options(reading.verdicts, self.is_dark)
        else:
            last = f"It was last seen {utc_text(reading.fingerprint.last_seen)}."
            nothing = str(
                states.empty(
                    "No requests in this range",
                    states.asked_text(reading.window),
                    last,
                    states.newest_link(reading.fingerprint.last_seen),
                )
            )
            self.timeline_wait.object = self.donut_wait.object = nothing
        self.timeline.visible = self.donut.visible = has_requests
        self.timeline_wait.visible = self.donut_wait.visible = not has_requests

    async def _clients_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        rows = await read_clients(self.marts, self._stable, self.window, wanted)
        return client_frame(rows, self._as_of), rows[0].total if rows else 0

    def _scope(self) -> tuple[Term, ...]:
        return (Term("ja4_stable", self._stable, is_quoted=True),)

    def _client_clicked(self, event: Any) -> None:
        address = self.clients.table.row_of(event).get("client_ip")
        if address:
            self.requests.search(f"ip:{address}")


def asked_fingerprint() -> str:
    """The fingerprint in the path of the request that opened this session."""
    route = getattr(pn.state, "route_params", None) or {}
    asked = route.get("fingerprint")
    if asked is None:
        pathname = pn.state.location.pathname if pn.state.location else ""
        asked = pathname.rpartition("/ja4/")[2]
    return unquote(str(asked))[:200]

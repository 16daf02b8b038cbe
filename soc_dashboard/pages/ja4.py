"""The page of one JA4: who uses it, what it does, and why it is judged so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import panel as pn
from markupsafe import Markup

from soc_dashboard.components import fingerprint_card, states
from soc_dashboard.components.cards import card, head_pane
from soc_dashboard.components.frames import client_frame
from soc_dashboard.components.kpi import Kpi
from soc_dashboard.components.markup import html_pane
from soc_dashboard.components.shell import carried_query
from soc_dashboard.components.subject_kpis import SubjectFigures
from soc_dashboard.labels import LabelScope
from soc_dashboard.pages.classifier import EntityKey
from soc_dashboard.pages.decider import Decider
from soc_dashboard.pages.subject import SubjectPage
from soc_dashboard.pages.table import COUNT, MARKUP, PLAIN, Columns, DatabaseTable, page_link
from soc_dashboard.search.terms import Term, written
from soc_dashboard.store.fingerprint import (
    fingerprint_scope,
    maybe_fingerprint,
    read_clients,
    read_fingerprint,
)
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.store.rows import ClientRow, Fingerprint, HelloHour
from soc_dashboard.store.subject import SubjectReading
from soc_dashboard.window import Window

CLIENTS: Columns = {
    "verdict": ("Verdict", 11, MARKUP),
    "client_ip": ("Client", 17, page_link("/ip/")),
    "requests": ("Requests", 9, COUNT),
    "hosts": ("Hosts", 7, COUNT),
    "score": ("Score", 8, PLAIN),
    "reason": ("Why", 37, PLAIN),
    "last_ts": ("Last seen", 11, PLAIN),
}


class Ja4Page(SubjectPage):
    """One fingerprint over the range; an exact JA4 is shown through its stable form."""

    title = "JA4"
    path = "/ja4"

    def __init__(self, **session: object) -> None:
        self.hello = html_pane(states.skeleton_block(240))
        self._fingerprint: Fingerprint | None = None
        self._hellos: Sequence[HelloHour] = ()
        super().__init__(**session)

    def scope(self) -> tuple[Term, ...]:
        """Everything under the stable form."""
        return fingerprint_scope(self._stable)

    def member_table(self) -> ClientTable:
        """The addresses that used the fingerprint."""
        return ClientTable(self)

    def more_cards(self) -> list[object]:
        """The decoded hello."""
        return [card(head_pane("The hello"), self.hello)]

    def figures(self, reading: SubjectReading) -> list[Kpi]:
        """Eight key figures of a fingerprint."""
        of = SubjectFigures(reading)
        return [
            of.requests(),
            of.clients(),
            of.hosts(),
            of.user_agents(),
            of.bot_share(),
            of.median_score(),
            of.unused_hellos(self._hellos),
            of.surge(),
        ]

    def last_seen(self, reading: SubjectReading) -> datetime | None:
        """When a hello or request with it was last seen."""
        return self._fingerprint.last_seen if self._fingerprint else reading.extent.newest

    async def maybe_title(self) -> Markup | None:
        """Name, known client and facts; a fingerprint never seen has no page."""
        asked = self.subject.value
        self._fingerprint = await maybe_fingerprint(self.marts, asked)
        if self._fingerprint is None:
            self.name.object = str(fingerprint_card.not_found(asked))
            return None
        self.hello.object = str(fingerprint_card.hello(self._fingerprint))
        return fingerprint_card.title(asked, self._fingerprint, carried_query(self.time_range), self.as_of)

    async def read_reading(self, window: Window, as_of: datetime) -> SubjectReading:
        """The subject's reading, and the hellos that belong to it."""
        if self._fingerprint is None:
            return await super().read_reading(window, as_of)
        reading = await read_fingerprint(self.marts, self._fingerprint, window, as_of)
        self._hellos = reading.hellos
        return reading.subject

    @property
    def _stable(self) -> str:
        return self._fingerprint.ja4_stable if self._fingerprint else ""


class ClientTable:
    """Addresses under the fingerprint, worst first; a click filters the request log."""

    def __init__(self, page: Ja4Page) -> None:
        self._page = page
        # A row is a client on all hosts: a label on one of them alone has no row to come from.
        self._decider = Decider(page, LabelScope.CLIENT_IP)
        self._table = DatabaseTable(
            page,
            page.members_state,
            title="Clients",
            note="worst first; click one to see its requests",
            columns=CLIENTS,
            sortable=frozenset(CLIENTS),
            read_page=self._read_page,
            export="clients",
            export_query=lambda: {"scope": written(list(page.scope()))},
            page_rows=10,
            verdict_filter="All verdicts",
            selection=self._decider.selection,
            keys=self._keys,
        )
        self._rows: list[ClientRow] = []
        self._table.table.on_click(self._clicked)
        self.card = self._table.card

    async def read(self) -> None:
        """Read the page that the state asks for."""
        await self._table.read()

    def drawers(self) -> list[pn.viewable.Viewable]:
        """To classify what is ticked; a click on a row filters the request log instead."""
        return [self._decider.drawer]

    def _keys(self) -> Sequence[EntityKey]:
        (stable,) = self._page.scope()
        return [(row.client_ip, stable.value, "") for row in self._rows]

    async def _read_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        (stable,) = self._page.scope()
        rows = await read_clients(self._page.marts, stable.value, self._page.window, wanted)
        self._rows = rows
        return client_frame(rows, self._page.as_of), rows[0].total if rows else 0

    def _clicked(self, event: Any) -> None:
        address = self._table.table.row_of(event).get("client_ip")
        if address and event.column != "client_ip":
            self._page.requests.search(f"ip:{address}")

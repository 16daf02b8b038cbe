"""The review queue: tick, look, decide, take back."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

from soc_dashboard.components.alert_words import alert_facts, alert_frame, review_words
from soc_dashboard.components.markup import html_pane
from soc_dashboard.components.shell import carried_query
from soc_dashboard.filters import TableState
from soc_dashboard.pages.classifier import EntityKey
from soc_dashboard.pages.decider import Decider
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.table import COUNT, MARKUP, PLAIN, Columns, DatabaseTable, page_link
from soc_dashboard.search.fields import Grain
from soc_dashboard.search.terms import SearchError, Term, narrowed, parse
from soc_dashboard.store.alert_rows import Alert
from soc_dashboard.store.alerts import REVIEW, maybe_review_order, read_alerts
from soc_dashboard.store.overview import PageRequest

COLUMNS: Columns = {
    "verdict": ("Verdict", 13, MARKUP),
    "reason": ("Why", 25, PLAIN),
    "client_ip": ("Client", 12, page_link("/ip/")),
    "ja4_stable": ("JA4", 14, page_link("/ja4/")),
    "host": ("Host", 10, page_link("/host/")),
    "asn": ("Network", 10, PLAIN),
    "requests": ("Requests", 8, COUNT),
    "suspicion": ("Suspicion", 9, PLAIN),
    "last_ts": ("Last seen", 9, PLAIN),
}
SORTABLE = frozenset(COLUMNS) - {"verdict"} | {REVIEW}
USUAL, TAUGHT, BY_COLUMN = "Most suspicious first", "What labels teach first", "By a column"
LINKED = ("client_ip", "ja4_stable", "host")


class AlertTable:
    """Server-paged, most suspicious first; the query box knows every field of an alert."""

    def __init__(self, session: PageSession, state: TableState, page_rows: int = 25) -> None:
        self._session = session
        self._state = state
        self._rows: list[Alert] = []
        self._decider = Decider(session)
        self._order = pmui.Select(label="Order", options=[USUAL, TAUGHT], size="small", width=200, margin=0)
        self._show_order()
        self._order.param.watch(lambda event: self._ordered(event.new), "value")
        state.param.watch(lambda *_: self._show_order(), "sort")
        self._order_note = html_pane(Markup(""), visible=False)
        self._table = DatabaseTable(
            session,
            state,
            title="Alerts",
            note="nobody decided these yet",
            columns=COLUMNS,
            sortable=SORTABLE,
            read_page=self._read_page,
            page_rows=page_rows,
            verdict_filter="Suspicious and bad bot",
            query_grain=Grain.ALERT,
            selection=self._decider.selection,
            keys=self._keys,
            controls=[self._order],
            export="alerts",
        )
        self._table.table.on_click(self._clicked)
        self.card = self._table.card
        self.card.insert(1, self._order_note)

    def terms(self) -> tuple[Term, ...]:
        """The query of the box. Raises SearchError for one that cannot be read."""
        return parse(self._state.needle)

    def add(self, query: str) -> None:
        """Add terms to the query; a text that is no query is ignored."""
        with contextlib.suppress(SearchError):
            self._table.filter_by(narrowed(self._state.needle, query))

    async def read(self) -> None:
        """Read the page that the state asks for; raises StoreFailedError."""
        await self._table.read()

    def drawers(self) -> list[pn.viewable.Viewable]:
        """The evidence of the alert that was clicked."""
        return [self._decider.drawer]

    def _keys(self) -> Sequence[EntityKey]:
        return [(row.client_ip, row.ja4_stable, row.host) for row in self._rows]

    async def _read_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        rows = await read_alerts(self._session.marts, self.terms(), self._session.window, wanted)
        self._rows = rows
        is_taught = wanted.sort == REVIEW
        if is_taught:
            order = await maybe_review_order(self._session.marts, self._session.window)
            self._order_note.object = str(review_words(order))
        self._order_note.visible = is_taught
        return alert_frame(rows, self._session.as_of), rows[0].total if rows else 0

    def _show_order(self) -> None:
        """The choice says what the table is sorted by, also when that was chosen by a column's title."""
        sort = self._state.sort
        shown = TAUGHT if sort == REVIEW else BY_COLUMN if sort in SORTABLE else USUAL
        self._order.param.update(
            options=[USUAL, TAUGHT, *([BY_COLUMN] if shown == BY_COLUMN else [])], value=shown
        )

    def _ordered(self, choice: str) -> None:
        sort = {USUAL: "", TAUGHT: REVIEW}.get(choice)
        if sort is None or sort == self._state.sort:
            return
        # An arrow left in a column's title would say that the table is sorted by it.
        self._table.table.sorters = []
        self._state.descending = True
        self._table.filter(sort=sort)

    def _clicked(self, event: Any) -> None:
        if event.column in (None, *LINKED) or not 0 <= event.row < len(self._rows):
            return
        alert = self._rows[event.row]
        self._decider.look_at(alert, alert_facts(alert, carried_query(self._session.time_range)))

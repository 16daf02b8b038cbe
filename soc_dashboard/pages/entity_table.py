"""The worst entities of the range, and the drawer with the evidence for one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import pandas as pd
import panel as pn

from soc_dashboard.components.frames import entity_frame
from soc_dashboard.filters import TableState
from soc_dashboard.pages.classifier import EntityKey
from soc_dashboard.pages.decider import Decider
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.table import COUNT, MARKUP, PLAIN, Columns, DatabaseTable, page_link
from soc_dashboard.search.terms import Term, written
from soc_dashboard.store.overview import PageRequest, read_entities
from soc_dashboard.store.rows import Entity
from soc_dashboard.verdicts import SEVERITY

COLUMNS: Columns = {
    "verdict": ("Verdict", 10, MARKUP),
    "client_ip": ("Client", 11, page_link("/ip/")),
    "ja4_stable": ("JA4", 25, page_link("/ja4/")),
    "host": ("Host", 11, page_link("/host/")),
    "requests": ("Requests", 7, COUNT),
    "score": ("Score", 6, PLAIN),
    "reason": ("Why", 21, PLAIN),
    "last_ts": ("Last seen", 9, PLAIN),
}
SORTABLE = frozenset(COLUMNS)
LINKED = ("client_ip", "ja4_stable", "host")
"""Columns whose values lead to their own page."""


class EntityTable:
    """Server-paged table; a click opens the drawer, the JA4 links to its page."""

    def __init__(
        self,
        session: PageSession,
        state: TableState,
        scope: Callable[[], Sequence[Term]],
        *,
        title: str = "Entities",
        leaving_out: Collection[str] = (),
        page_rows: int = 10,
    ) -> None:
        """All entities of a subject, without the columns that are the same for all of them."""
        self._session = session
        self._scope = scope
        self._decider = Decider(session)
        self._columns = {name: spec for name, spec in COLUMNS.items() if name not in leaving_out}
        self._rows: list[Entity] = []
        self._table = DatabaseTable(
            session,
            state,
            title=title,
            note="worst first; an entity is client, JA4 and host",
            columns=self._columns,
            sortable=SORTABLE,
            read_page=self._read_page,
            export="entities",
            export_query=lambda: {"scope": written(list(scope()))},
            page_rows=page_rows,
            verdict_filter="All verdicts",
            selection=self._decider.selection,
            keys=self._keys,
        )
        self._table.table.on_click(self._clicked)
        self.card = self._table.card

    async def read(self) -> None:
        """Read the page that the state asks for; raises StoreFailedError."""
        await self._table.read()

    def drawers(self) -> list[pn.viewable.Viewable]:
        """The evidence of the entity that was clicked."""
        return [self._decider.drawer]

    def _keys(self) -> Sequence[EntityKey]:
        return [(row.client_ip, row.ja4_stable, row.host) for row in self._rows]

    async def _read_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        rows = await read_entities(self._session.marts, self._session.window, wanted, self._scope(), SEVERITY)
        self._rows = rows
        frame = entity_frame(rows, self._session.as_of)[list(self._columns)]
        return frame, rows[0].total if rows else 0

    def _clicked(self, event: Any) -> None:
        if event.column in LINKED or not 0 <= event.row < len(self._rows):
            return
        self._decider.look_at(self._rows[event.row])

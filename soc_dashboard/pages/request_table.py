"""The request log of a page: a query box, a table paged by the database, and a drawer for one request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

from soc_dashboard.components.frames import request_frame
from soc_dashboard.components.markup import html_pane
from soc_dashboard.components.request_card import gone, request_card
from soc_dashboard.components.shell import DRAWER_PX, carried_query
from soc_dashboard.filters import TableState
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.table import PLAIN, Columns, DatabaseTable
from soc_dashboard.search.fields import Grain
from soc_dashboard.search.terms import SearchError, Term, narrowed, parse, written
from soc_dashboard.store.database import StoreFailedError
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.store.requests import count_requests, maybe_request, read_requests
from soc_dashboard.store.rows import RequestRow
from soc_dashboard.window import to_us

COLUMNS: Columns = {
    "ts": ("Time", 12, PLAIN),
    "client_ip": ("Client", 12, PLAIN),
    "method": ("Method", 6, PLAIN),
    "host": ("Host", 11, PLAIN),
    "path": ("Path", 17, PLAIN),
    "status": ("Status", 6, PLAIN),
    "protocol": ("Protocol", 7, PLAIN),
    "user_agent": ("User agent", 22, PLAIN),
    "join_state": ("Join", 7, PLAIN),
}


class RequestTable:
    """Requests of the page's subject (`scope`) that match the query in the box."""

    def __init__(
        self,
        session: PageSession,
        state: TableState,
        scope: Callable[[], Sequence[Term]],
        *,
        page_rows: int,
    ) -> None:
        self._session = session
        self._state = state
        self._scope = scope
        self._rows: list[RequestRow] = []
        self._table = DatabaseTable(
            session,
            state,
            title="Requests",
            note="newest first; click one for everything that is kept of it",
            columns=COLUMNS,
            sortable=frozenset({"ts", "status"}),
            read_page=self._read_page,
            page_rows=page_rows,
            query_grain=Grain.REQUEST,
            export="requests",
            export_query=lambda: {"scope": written(list(scope()))},
        )
        self._table.table.on_click(self._clicked)
        self.card = self._table.card
        self._whole = html_pane(Markup(""))
        self.drawer = pmui.Drawer(self._whole, anchor="right", size=DRAWER_PX, open=False)

    def terms(self) -> tuple[Term, ...]:
        """What is shown: the subject and the query. Raises SearchError for a query that cannot be read."""
        return (*self._scope(), *parse(self._state.needle))

    async def read(self) -> None:
        """Read the page that the state asks for; raises StoreFailedError."""
        await self._table.read()

    def search(self, text: str) -> None:
        """Put a query from elsewhere on the page into the box."""
        self._table.filter_by(text)

    def add(self, query: str) -> None:
        """Add terms to the query; a text that is no query is ignored."""
        with contextlib.suppress(SearchError):
            self._table.filter_by(narrowed(self._state.needle, query))

    async def _read_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        terms, window, marts = self.terms(), self._session.window, self._session.marts
        rows, total = await asyncio.gather(
            read_requests(marts, terms, window, wanted), count_requests(marts, terms, window)
        )
        self._rows = rows
        return request_frame(rows)[list(COLUMNS)], total

    def _clicked(self, event: Any) -> None:
        if 0 <= event.row < len(self._rows):
            row = self._rows[event.row]
            pn.state.execute(partial(self._open, row))

    async def _open(self, row: RequestRow) -> None:
        try:
            found = await maybe_request(
                self._session.marts, to_us(row.ts), row.conn_id, row.request_seq_on_conn
            )
            asked: Sequence[Term] = self.terms()
        except StoreFailedError as failure:
            self._session.show_failure(failure)
            return
        except SearchError:
            asked = self._scope()
        span = carried_query(self._session.time_range)
        self._whole.object = str(request_card(found, asked, span) if found else gone())
        self.drawer.open = True

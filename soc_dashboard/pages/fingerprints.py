"""All fingerprints of the range."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

import pandas as pd
import param

from soc_dashboard.components.frames import fingerprint_frame
from soc_dashboard.components.states import stale_banner
from soc_dashboard.filters import TableState
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.table import COUNT, PLAIN, Columns, DatabaseTable, page_link
from soc_dashboard.store.fingerprint import read_fingerprints
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.store.rows import Extent
from soc_dashboard.window import Window

COLUMNS: Columns = {
    "ja4_stable": ("JA4", 27, page_link("/ja4/")),
    "known_client": ("Known client", 19, PLAIN),
    "requests": ("Requests", 9, COUNT),
    "clients": ("Clients", 8, COUNT),
    "hosts": ("Hosts", 7, COUNT),
    "user_agents": ("User agents", 9, COUNT),
    "bot_share": ("Bot share", 7, PLAIN),
    "score": ("Score", 6, PLAIN),
    "last_ts": ("Last seen", 8, PLAIN),
}


class FingerprintsPage(PageSession):
    """One server-paged table; each JA4 links to its page."""

    title = "Fingerprints"
    path = "/fingerprints"

    def __init__(self, **session: object) -> None:
        self.table_state = TableState()
        super().__init__(**session)  # type: ignore[arg-type]
        self._as_of = self.clock()
        self.table = DatabaseTable(
            self,
            self.table_state,
            title="Fingerprints",
            note="busiest first; grouped by JA4 without the extensions that come and go",
            columns=COLUMNS,
            sortable=frozenset(COLUMNS),
            read_page=self._read_page,
            page_rows=50,
            export="fingerprints",
        )

    def url_names(self) -> Mapping[str, tuple[param.Parameterized, str]]:
        """The range and the table's state."""
        return {
            **super().url_names(),
            "q": (self.table_state, "text"),
            "sort": (self.table_state, "sort"),
            "dir": (self.table_state, "descending"),
            "page": (self.table_state, "page"),
            "hide": (self.table_state, "hidden"),
        }

    def body(self) -> list[object]:
        """The table."""
        return [self.table.card]

    async def read(self, window: Window, as_of: datetime) -> None:
        """One page of the table, and the age of the data."""
        self._as_of = as_of
        _, extent = await asyncio.gather(self.table.read(), self.marts.fetch("data_extent", Extent, {}))
        self.notice(stale_banner(extent[0].newest, window, as_of))

    async def _read_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        rows = await read_fingerprints(self.marts, self.window, wanted)
        return fingerprint_frame(rows, self._as_of), rows[0].total if rows else 0

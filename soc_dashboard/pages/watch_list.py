"""The watch list: who resembles what an analyst called a bad bot."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import param

from soc_dashboard.components.watch_words import watched_frame
from soc_dashboard.filters import TableState
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.table import COUNT, MARKUP, PLAIN, Columns, DatabaseTable, page_link
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.store.watch_list import SORTED, read_watched

COLUMNS: Columns = {
    "client_ip": ("Client", 12, page_link("/ip/")),
    "ja4_stable": ("JA4", 14, page_link("/ja4/")),
    "host": ("Host", 11, page_link("/host/")),
    "why": ("Why watched", 24, PLAIN),
    "requests": ("Requests", 8, COUNT),
    "verdict": ("Judged", 10, MARKUP),
    "last_hour": ("Last seen", 9, PLAIN),
    "labelled_at": ("Watched since", 11, PLAIN),
    "user": ("By", 6, PLAIN),
}


class WatchList:
    """A label put or taken back changes it at once; it judges nothing."""

    def __init__(self, session: PageSession, state: TableState) -> None:
        self._session = session
        self._table = DatabaseTable(
            session,
            state,
            title="Watched for their likeness",
            note="of the last 24 hours; share a network or rare JA4 with a labelled bad bot",
            columns=COLUMNS,
            sortable=frozenset(SORTED),
            read_page=self._read_page,
            is_of_all_time=True,
            export="watched",
            page_rows=10,
        )
        self.card = self._table.card

    @staticmethod
    def url_names(state: TableState) -> Mapping[str, tuple[param.Parameterized, str]]:
        """Query keys of the list."""
        return {
            "watched": (state, "text"),
            "wsort": (state, "sort"),
            "wdir": (state, "descending"),
            "wpage": (state, "page"),
            "whide": (state, "hidden"),
        }

    async def read(self) -> None:
        """Read the page that the state asks for; raises StoreFailedError."""
        await self._table.read()

    async def _read_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        rows = await read_watched(self._session.marts, wanted)
        return watched_frame(rows, self._session.as_of), rows[0].total if rows else 0

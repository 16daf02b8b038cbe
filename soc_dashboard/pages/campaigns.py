"""All campaigns that were active in the range."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pandas as pd
import panel_material_ui as pmui
import param

from soc_dashboard.components.campaign_words import STATUS_WORDS, campaign_frame
from soc_dashboard.components.shell import carried_query
from soc_dashboard.components.states import stale_banner
from soc_dashboard.filters import CampaignState
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.table import COUNT, MARKUP, PLAIN, Columns, DatabaseTable, page_link
from soc_dashboard.store.campaigns import STATUSES, read_campaigns
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.store.rows import Extent
from soc_dashboard.window import Window

COLUMNS: Columns = {
    "status": ("State", 8, MARKUP),
    "campaign_id": ("Campaign", 11, page_link("/cluster/")),
    "summary": ("What it does", 29, MARKUP),
    "entities": ("Members", 8, COUNT),
    "client_ips": ("Clients", 7, COUNT),
    "ja4s": ("JA4", 6, COUNT),
    "asns": ("Networks", 9, COUNT),
    "hosts": ("Hosts", 7, COUNT),
    "requests_inside": ("Requests", 8, COUNT),
    "first_seen": ("Since", 7, PLAIN),
    "last_seen": ("Last seen", 8, PLAIN),
}


class CampaignsPage(PageSession):
    """One server-paged table; each sentence leads to its campaign."""

    title = "Campaigns"
    path = "/campaigns"

    def __init__(self, **session: object) -> None:
        self.table_state = CampaignState()
        super().__init__(**session)  # type: ignore[arg-type]
        self.status = pmui.Select(
            label="State",
            options={"Every state": "", **{words: key for key, words in STATUS_WORDS.items()}},
            value=self.table_state.status,
            size="small",
            width=140,
            margin=0,
        )
        self.table = DatabaseTable(
            self,
            self.table_state,
            title="Campaigns",
            note="busiest in the range first; members and clients of their whole life",
            columns=COLUMNS,
            sortable=frozenset(COLUMNS) - {"status", "summary"},
            read_page=self._read_page,
            export="campaigns",
            export_query=lambda: {"status": self.table_state.status},
            controls=[self.status],
        )
        self.status.param.watch(lambda event: self.table.filter(status=event.new), "value")

    def url_names(self) -> Mapping[str, tuple[param.Parameterized, str]]:
        """The range and the table's state."""
        return {
            **super().url_names(),
            "q": (self.table_state, "text"),
            "status": (self.table_state, "status"),
            "sort": (self.table_state, "sort"),
            "dir": (self.table_state, "descending"),
            "page": (self.table_state, "page"),
        }

    def body(self) -> list[object]:
        """The table."""
        return [self.table.card]

    async def read(self, window: Window, as_of: datetime) -> None:
        """One page of the table, and the age of the data."""
        await self.table.read()
        extent = await self.marts.fetch("data_extent", Extent, {})
        self.notice(stale_banner(extent[0].newest, window, as_of))

    async def _read_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        status = self.table_state.status
        rows = await read_campaigns(self.marts, self.window, wanted, [status] if status else STATUSES)
        return campaign_frame(rows, self.as_of, carried_query(self.time_range)), rows[0].total if rows else 0

"""The worst entities of the range, and the drawer with the evidence for one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import quote

import pandas as pd
import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

from soc_dashboard.components.contributions import entity_reasons
from soc_dashboard.components.frames import entity_frame
from soc_dashboard.components.markup import chip, html_pane, mono, number, score_text, text, utc_text
from soc_dashboard.components.shell import DRAWER_PX, carried_query
from soc_dashboard.filters import TableState
from soc_dashboard.pages.classifier import Classifier
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.table import COUNT, MARKUP, PLAIN, Columns, DatabaseTable, page_link
from soc_dashboard.search.terms import Term
from soc_dashboard.store.overview import PAGE_ROWS, PageRequest, read_entities
from soc_dashboard.store.rows import Entity
from soc_dashboard.verdicts import HOSTILE, SEVERITY

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
        scope: Callable[[], Sequence[Term]] | None = None,
        *,
        title: str = "Entities",
        leaving_out: Collection[str] = (),
    ) -> None:
        """Without `scope` the hostile entities of everything; with it all entities of a subject, without
        the columns that are the same for all of them."""
        self._session = session
        self._scope = scope
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
            page_rows=10 if scope else PAGE_ROWS,
            verdict_filter="All verdicts" if scope else "Suspicious and bad bot",
        )
        self._table.table.on_click(self._clicked)
        self.card = self._table.card
        self._evidence = html_pane(Markup(""))
        self._classifier = Classifier(session)
        self.drawer = pmui.Drawer(
            pn.Column(self._evidence, self._classifier.view, sizing_mode="stretch_width"),
            anchor="right",
            size=DRAWER_PX,
            open=False,
        )

    async def read(self) -> None:
        """Read the page that the state asks for; raises StoreFailedError."""
        await self._table.read()

    def drawers(self) -> list[pn.viewable.Viewable]:
        """The evidence of the entity that was clicked."""
        return [self.drawer]

    async def _read_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        scope, verdicts = (self._scope(), SEVERITY) if self._scope else ((), HOSTILE)
        rows = await read_entities(self._session.marts, self._session.window, wanted, scope, verdicts)
        self._rows = rows
        frame = entity_frame(rows, self._session.as_of)[list(self._columns)]
        return frame, rows[0].total if rows else 0

    def _clicked(self, event: Any) -> None:
        if event.column in LINKED or not 0 <= event.row < len(self._rows):
            return
        entity = self._rows[event.row]
        self._evidence.object = str(evidence(entity, carried_query(self._session.time_range)))
        self._classifier.show(entity.client_ip, entity.ja4_stable, entity.host)
        self.drawer.open = True


def evidence(entity: Entity, query: str) -> Markup:
    """Why this entity is where it is, and the way to its fingerprint."""
    link = (
        Markup('<a class="open" href="/ja4/{}{}">Open the JA4 page</a>').format(
            quote(entity.ja4_stable, safe=""), query
        )
        if entity.ja4_stable
        else Markup('<span class="muted">No handshake was seen for these requests.</span>')
    )
    return Markup(
        '<div class="evidence">{}<h2 dir="ltr">{}</h2><p>{}</p><dl>'
        "<dt>Decided by</dt><dd>{} {}</dd><dt>Score</dt><dd>{} <span class=muted>share of "
        "training scores below</span></dd>"
        "<dt>Requests</dt><dd>{}</dd><dt>Host</dt><dd>{}</dd><dt>JA4</dt><dd>{}</dd><dt>User "
        "agent</dt><dd>{}</dd>"
        "<dt>Last seen</dt><dd>{}</dd></dl>{}{}{}</div>"
    ).format(
        chip(entity.verdict),
        text(entity.client_ip),
        text(entity.reason or "No reason was recorded."),
        entity.verdict_source,
        mono(entity.verdict_source_id, copy=False) if entity.verdict_source_id else "",
        score_text(entity.score),
        number(entity.requests),
        text(entity.host or "(no host)"),
        mono(entity.ja4_stable) if entity.ja4_stable else "–",
        text(entity.user_agent or "(none)"),
        utc_text(entity.last_ts),
        link,
        Markup("<h3>Why this score</h3>") if entity.top_features else "",
        entity_reasons(entity.top_features),
    )

"""The lists that labels make: what is let through and what is watched, until when, and taking one back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui
import param
from markupsafe import Markup

from soc_dashboard.access import ForbiddenError, Role, current_user, require
from soc_dashboard.components.display_time import local_text
from soc_dashboard.components.label_words import state_text, target_text
from soc_dashboard.components.markup import STYLESHEET, chip, html_pane, joined, text, utc_text, visible
from soc_dashboard.components.shell import DRAWER_PX
from soc_dashboard.components.watch_words import hits_text
from soc_dashboard.filters import LabelState
from soc_dashboard.labels import LabelRefusedError, LabelScope, target
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.table import MARKUP, PLAIN, Columns, DatabaseTable
from soc_dashboard.store.database import StoreFailedError
from soc_dashboard.store.decision_log import DecisionLog, GivenLabel
from soc_dashboard.store.labels import read_labels
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.store.rows import LabelRow
from soc_dashboard.store.watch_list import read_label_hits

COLUMNS: Columns = {
    "list": ("List", 7, PLAIN),
    "label": ("Label", 9, MARKUP),
    "target": ("About", 27, PLAIN),
    "note": ("Note", 18, PLAIN),
    "hits": ("Hit in the range", 13, PLAIN),
    "user": ("By", 7, PLAIN),
    "labelled_at": ("Since", 12, PLAIN),
    "state": ("State", 10, PLAIN),
}
ALLOWED = ("human", "good_bot")
"""Labels that let traffic through; the others are watched."""
CELL = 300
ACTIVE, ALL = "Those that hold", "All, with ended ones"


class LabelList:
    """Labels that hold, newest first; a click shows one whole and offers to take it back."""

    def __init__(self, session: PageSession, state: LabelState) -> None:
        self._session = session
        self._state = state
        self._rows: list[LabelRow] = []
        self._chosen: LabelRow | None = None
        which = pmui.Select(
            label="Which",
            options=[ACTIVE, ALL],
            value=ALL if state.is_all else ACTIVE,
            size="small",
            width=180,
            margin=0,
        )
        self._table = DatabaseTable(
            session,
            state,
            title="Allow and watch lists",
            note="labels of analysts, newest first; they outweigh rules and models",
            columns=COLUMNS,
            sortable=frozenset(),
            read_page=self._read_page,
            controls=[which],
            is_of_all_time=True,
            export="labels",
            export_query=lambda: {"active": "0" if state.is_all else "1"},
        )
        which.param.watch(lambda event: self._table.filter(is_all=event.new == ALL), "value")
        self._table.table.on_click(self._clicked)
        self.card = self._table.card
        self._facts = html_pane(Markup(""))
        self._said = html_pane(Markup(""))
        self._revoke = pmui.Button(label="Take back", variant="outlined", size="small", margin=(0, 16))
        self._revoke.on_click(lambda *_: pn.state.execute(self._take_back))
        self.drawer = pmui.Drawer(
            pn.Column(
                self._facts, self._revoke, self._said, stylesheets=[STYLESHEET], sizing_mode="stretch_width"
            ),
            anchor="right",
            size=DRAWER_PX,
            open=False,
        )

    @staticmethod
    def url_names(state: LabelState) -> Mapping[str, tuple[param.Parameterized, str]]:
        """Query keys of the list."""
        return {
            "q": (state, "text"),
            "all": (state, "is_all"),
            "page": (state, "page"),
            "hide": (state, "hidden"),
        }

    async def read(self) -> None:
        """Read the page that the state asks for; raises StoreFailedError."""
        await self._table.read()

    async def _read_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        rows = await read_labels(self._session.marts, wanted, is_active_only=not self._state.is_all)
        self._rows = rows
        hits = await read_label_hits(
            self._session.marts, [str(row.label_id) for row in rows], self._session.window
        )
        frame = pd.DataFrame(
            [
                (
                    "Allow" if row.label in ALLOWED else "Watch",
                    str(chip(row.label)),
                    visible(target_text(row), CELL),
                    visible(row.note, CELL),
                    hits_text(hits.get(str(row.label_id))),
                    visible(row.user, 60),
                    local_text(row.first_labelled_at, "%Y-%m-%d %H:%M"),
                    state_text(row, self._session.as_of),
                )
                for row in rows
            ],
            columns=list(COLUMNS),
        )
        return frame, rows[0].total if rows else 0

    def _clicked(self, event: Any) -> None:
        if not 0 <= event.row < len(self._rows):
            return
        row = self._rows[event.row]
        self._chosen = row
        self._facts.object = str(_card(row, state_text(row, self._session.as_of)))
        self._said.object = ""
        self._revoke.visible = row.is_active and current_user().may(Role.ANALYST)
        self.drawer.open = True

    async def _take_back(self) -> None:
        row = self._chosen
        if row is None:
            return
        try:
            user = require(Role.ANALYST)
            await DecisionLog(self._session.marts, self._session.clock).revoke(user.name, [_given(row)])
        except (ForbiddenError, LabelRefusedError, StoreFailedError) as failure:
            self._said.object = str(
                Markup('<p class="said warning" role="alert">Not taken back: {}.</p>').format(
                    text(str(failure))
                )
            )
            return
        self._revoke.visible = False
        self._said.object = str(Markup('<p class="said" role="status">Taken back.</p>'))
        self._session.request_read()


def _given(row: LabelRow) -> GivenLabel:
    """The stored label as the log takes it. Raises LabelRefusedError for a scope of an older version."""
    if row.scope not in set(LabelScope):
        raise LabelRefusedError(f"labels of scope {row.scope} are no longer given")
    of = target(LabelScope(row.scope), row.client_ip, row.ja4, row.host)
    return GivenLabel(row.label_id, of, row.label, row.note, row.expires_at)


def _card(row: LabelRow, state: str) -> Markup:
    facts = [
        ("About", text(target_text(row))),
        ("Scope", text(row.scope.replace("_", " "))),
        ("Note", text(row.note or "none")),
        ("By", text(row.user, 60)),
        ("Given", Markup("{}").format(utc_text(row.first_labelled_at))),
        ("Changed", Markup("{}").format(utc_text(row.labelled_at))),
        ("Ends", Markup("{}").format(utc_text(row.expires_at) if row.expires_at else "never")),
        ("State", text(state)),
    ]
    return Markup('<div class="evidence">{}<dl>{}</dl></div>').format(
        chip(row.label),
        joined([Markup("<dt>{}</dt><dd>{}</dd>").format(name, value) for name, value in facts]),
    )

"""The audit log: who did what, to what, and when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui
import param
from markupsafe import Markup

from soc_dashboard.components.display_time import local_text
from soc_dashboard.components.markup import html_pane, joined, text, utc_text, visible
from soc_dashboard.components.shell import DRAWER_PX
from soc_dashboard.filters import AuditState
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.table import PLAIN, Columns, DatabaseTable
from soc_dashboard.store.audit import read_actions, read_audit
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.store.rows import AuditRow
from soc_dashboard.window import Window

COLUMNS: Columns = {
    "at": ("Time", 14, PLAIN),
    "user": ("User", 9, PLAIN),
    "action": ("Action", 9, PLAIN),
    "target": ("About", 34, PLAIN),
    "details": ("Details", 34, PLAIN),
}
CELL = 300
_LINE = Markup("<dt>{}</dt><dd>{}</dd>")
_LINE = Markup("<dt>{}</dt><dd>{}</dd>")
ANY_TIME, IN_RANGE = "Any time", "In the time range"


class AuditPage(PageSession):
    """Of all time unless the range is asked for: a decision outlives the range in which it was made."""

    title = "Audit log"
    path = "/audit"

    def __init__(self, **session: object) -> None:
        self.state = AuditState()
        super().__init__(**session)  # type: ignore[arg-type]
        self._rows: list[AuditRow] = []
        self.when = pmui.Select(
            label="When",
            options=[ANY_TIME, IN_RANGE],
            value=IN_RANGE if self.state.is_ranged else ANY_TIME,
            size="small",
            width=170,
            margin=0,
        )
        self.action = pmui.Select(
            label="Action",
            options={
                "Any action": "",
                **({self.state.action: self.state.action} if self.state.action else {}),
            },
            value=self.state.action,
            size="small",
            width=170,
            margin=0,
        )
        self.table = DatabaseTable(
            self,
            self.state,
            title="Audit log",
            note="newest first; click one for its details",
            columns=COLUMNS,
            sortable=frozenset(),
            read_page=self._read_page,
            page_rows=50,
            controls=[self.when, self.action],
            is_of_all_time=True,
            export="audit",
            export_query=lambda: {
                "action": self.state.action,
                "ranged": "1" if self.state.is_ranged else "0",
            },
        )
        self.when.param.watch(lambda event: self.table.filter(is_ranged=event.new == IN_RANGE), "value")
        self.action.param.watch(lambda event: self.table.filter(action=event.new), "value")
        self.table.table.on_click(self._clicked)
        self._details = html_pane(Markup(""))
        self.drawer = pmui.Drawer(self._details, anchor="right", size=DRAWER_PX, open=False)

    def url_names(self) -> Mapping[str, tuple[param.Parameterized, str]]:
        """The range and the table's state."""
        return {
            **super().url_names(),
            "q": (self.state, "text"),
            "action": (self.state, "action"),
            "ranged": (self.state, "is_ranged"),
            "page": (self.state, "page"),
            "hide": (self.state, "hidden"),
        }

    def body(self) -> list[object]:
        """The table."""
        return [self.table.card]

    def drawers(self) -> list[pn.viewable.Viewable]:
        """Details of the action that was clicked."""
        return [self.drawer]

    async def read(self, window: Window, as_of: datetime) -> None:  # noqa: ARG002 - the table reads them
        """The kinds of actions, and one page."""
        known = self._actions(await read_actions(self.marts))
        if known != self.action.options:
            self.action.param.update(options=known, value=self.state.action)
        await self.table.read()

    def _actions(self, found: list[str]) -> dict[str, str]:
        """What the box offers; the action that was asked for is among it."""
        return {"Any action": ""} | {name: name for name in (*found, self.state.action) if name}

    async def _read_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        rows = await read_audit(self.marts, wanted, self.window, self.state.action, self.state.is_ranged)
        self._rows = rows
        frame = pd.DataFrame(
            [
                (
                    local_text(row.at, "%Y-%m-%d %H:%M:%S"),
                    visible(row.user, 60),
                    visible(row.action, 40),
                    visible(row.target, CELL),
                    visible(_summary(row.details), CELL),
                )
                for row in rows
            ],
            columns=list(COLUMNS),
        )
        return frame, rows[0].total if rows else 0

    def _clicked(self, event: Any) -> None:
        if 0 <= event.row < len(self._rows):
            self._details.object = str(_card(self._rows[event.row]))
            self.drawer.open = True


def _parsed(details: str) -> dict[str, object]:
    """The JSON object of an action; empty for anything else, which is then shown as it is."""
    try:
        found = json.loads(details)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _summary(details: str) -> str:
    parts = [f"{name} {value}" for name, value in _parsed(details).items() if value not in (None, "")]
    return ", ".join(parts) or details


def _card(row: AuditRow) -> Markup:
    facts = [("Time", utc_text(row.at)), ("User", row.user), ("Action", row.action), ("About", row.target)]
    found = _parsed(row.details)
    facts += [(name, "none" if value in (None, "") else str(value)) for name, value in found.items()]
    if not found and row.details:
        facts.append(("Details", row.details))
    return Markup('<div class="evidence"><h2>{}</h2><dl>{}</dl></div>').format(
        text(row.action, 60),
        joined(
            [Markup("<dt>{}</dt><dd>{}</dd>").format(text(name, 60), text(value)) for name, value in facts]
        ),
    )

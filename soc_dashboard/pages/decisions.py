"""What analysts decided: every label with its state, and the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pandas as pd
import param

from soc_dashboard.components.label_words import state_text, target_text
from soc_dashboard.components.markup import chip, utc_text, visible
from soc_dashboard.filters import TableState
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.table import MARKUP, PLAIN, Columns, DatabaseTable
from soc_dashboard.store.labels import read_audit, read_labels
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.window import Window

LABELS: Columns = {
    "label": ("Label", 10, MARKUP),
    "target": ("About", 34, PLAIN),
    "note": ("Note", 24, PLAIN),
    "user": ("By", 8, PLAIN),
    "labelled_at": ("Changed (UTC)", 13, PLAIN),
    "state": ("State", 11, PLAIN),
}
AUDIT: Columns = {
    "at": ("Time (UTC)", 14, PLAIN),
    "user": ("User", 9, PLAIN),
    "action": ("Action", 8, PLAIN),
    "target": ("About", 34, PLAIN),
    "details": ("Details", 35, PLAIN),
}
CELL = 300


class DecisionsPage(PageSession):
    """Both lists are of all time: a decision outlives the range in which it was made."""

    title = "Decisions"
    path = "/decisions"

    def __init__(self, **session: object) -> None:
        self.labels_state = TableState()
        self.audit_state = TableState()
        super().__init__(**session)  # type: ignore[arg-type]
        self.labels = DatabaseTable(
            self,
            self.labels_state,
            title="Labels",
            note="newest first; of all time",
            columns=LABELS,
            sortable=frozenset(),
            read_page=self._labels_page,
        )
        self.audit = DatabaseTable(
            self,
            self.audit_state,
            title="Audit log",
            note="who did what; of all time",
            columns=AUDIT,
            sortable=frozenset(),
            read_page=self._audit_page,
        )

    def url_names(self) -> Mapping[str, tuple[param.Parameterized, str]]:
        """The range, which other pages keep, and both tables' state."""
        return {
            **super().url_names(),
            "q": (self.labels_state, "text"),
            "page": (self.labels_state, "page"),
            "audit": (self.audit_state, "text"),
            "apage": (self.audit_state, "page"),
        }

    def body(self) -> list[object]:
        """Labels above the log."""
        return [self.labels.card, self.audit.card]

    async def read(self, window: Window, as_of: datetime) -> None:  # noqa: ARG002 - both are of all time
        """One page of each."""
        await self.labels.read()
        await self.audit.read()

    async def _labels_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        rows = await read_labels(self.marts, wanted, is_active_only=False)
        frame = pd.DataFrame(
            [
                (
                    str(chip(row.label)),
                    visible(target_text(row), CELL),
                    visible(row.note, CELL),
                    visible(row.user, 60),
                    utc_text(row.labelled_at),
                    state_text(row, self.as_of),
                )
                for row in rows
            ],
            columns=list(LABELS),
        )
        return frame, rows[0].total if rows else 0

    async def _audit_page(self, wanted: PageRequest) -> tuple[pd.DataFrame, int]:
        rows = await read_audit(self.marts, wanted)
        frame = pd.DataFrame(
            [
                (
                    utc_text(row.at),
                    visible(row.user, 60),
                    visible(row.action, 40),
                    visible(row.target, CELL),
                    visible(row.details, CELL),
                )
                for row in rows
            ],
            columns=list(AUDIT),
        )
        return frame, rows[0].total if rows else 0

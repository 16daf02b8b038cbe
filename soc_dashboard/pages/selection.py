"""Rows that a person ticked, over all pages of a table, and the bar of what can be done with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

from soc_dashboard.access import Role, current_user
from soc_dashboard.components.label_words import selected_text
from soc_dashboard.components.markup import STYLESHEET, html_pane
from soc_dashboard.components.paged_table import PagedTable
from soc_dashboard.labels import LABELS, MAX_TARGETS
from soc_dashboard.pages.classifier import NO_LABEL, EntityKey
from soc_dashboard.verdicts import verdict_style


class Selection:
    """What is ticked stays so while the table is read again, sorted or turned to another page."""

    def __init__(
        self,
        on_classify: Callable[[Sequence[EntityKey], str], None],
        on_undo: Callable[[], None],
    ) -> None:
        """`on_classify(entities, label)` opens the classifier; `on_undo` takes back what was saved last."""
        self._on_classify = on_classify
        self._table: PagedTable | None = None
        self._shown: Sequence[EntityKey] = ()
        self._chosen: dict[EntityKey, None] = {}
        self._count = html_pane(Markup(""), sizing_mode=None)
        self._said = html_pane(Markup(""), visible=False, css_classes=["bulk-said"])
        self._undo = _button("Undo", on_undo, "bulk-undo")
        self._undo.visible = False
        self._actions = pn.Row(
            self._count,
            _button("Classify…", lambda: self._classify(NO_LABEL), "bulk-classify"),
            *(_label_button(label, self._classify) for label in LABELS),
            _button("Clear", self.clear, "bulk-clear"),
            css_classes=["bulk-actions"],
            stylesheets=[STYLESHEET],
            margin=0,
            visible=False,
        )
        self.bar = pn.Row(
            self._actions,
            self._said,
            self._undo,
            css_classes=["bulk-bar"],
            stylesheets=[STYLESHEET],
            sizing_mode="stretch_width",
            margin=0,
            visible=False,
        )

    @property
    def is_offered(self) -> bool:
        """Whether the person may classify at all."""
        return current_user().may(Role.ANALYST)

    def follow(self, table: PagedTable) -> None:
        """Belong to a table that was made with check boxes."""
        self._table = table
        table.param.watch(self._ticked, "selection")

    def show_page(self, show: Callable[[], None], keys: Sequence[EntityKey]) -> None:
        """Let `show` put another page into the table, whose rows have these keys; ticks come back."""
        # A new page clears the table's own selection, which is nobody's wish to untick.
        self._shown = ()
        show()
        if self._table is not None:
            self._table.selection = [at for at, key in enumerate(keys) if key in self._chosen]
        self._shown = tuple(keys)

    def clear(self) -> None:
        """Untick everything."""
        self._chosen = {}
        if self._table is not None:
            self._table.selection = []
        self._say_count()

    def say(self, words: Markup, can_undo: bool) -> None:
        """Show what was just done, with a way back if there is one, and untick what it was done to."""
        self._said.object = str(words)
        self._said.visible = bool(words)
        self._undo.visible = can_undo
        self.clear()

    def _ticked(self, event: Any) -> None:
        for at, key in enumerate(self._shown):
            if at not in event.new:
                self._chosen.pop(key, None)
            elif len(self._chosen) < MAX_TARGETS:
                self._chosen[key] = None
        self._say_count()

    def _say_count(self) -> None:
        self._count.object = str(selected_text(len(self._chosen), MAX_TARGETS))
        self._actions.visible = bool(self._chosen)
        self.bar.visible = bool(self._chosen) or self._said.visible

    def _classify(self, label: str) -> None:
        if self._chosen:
            self._on_classify(tuple(self._chosen), label)


def _label_button(label: str, classify: Callable[[str], None]) -> pmui.Button:
    return _button(verdict_style(label).label, lambda: classify(label), f"bulk-{label}")


def _button(label: str, action: Callable[[], None], css_class: str) -> pmui.Button:
    button = pmui.Button(
        label=label,
        variant="outlined",
        size="small",
        color="default",
        margin=0,
        css_classes=[css_class],
        sx={"borderColor": "var(--hairline)", "color": "var(--text)", "backgroundColor": "var(--card)"},
    )
    button.on_click(lambda *_: action())
    return button

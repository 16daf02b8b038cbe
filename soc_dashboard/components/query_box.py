"""The query box: a line of text that completes field names, and says what it did not understand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel_material_ui as pmui

from soc_dashboard.filters import MAX_TEXT
from soc_dashboard.search.completion import completions
from soc_dashboard.search.fields import Grain
from soc_dashboard.search.terms import SearchError, parse

HINTS = {
    Grain.REQUEST: "Filter: host:shop.test status:4xx -verdict:human, or any text",
    Grain.ALERT: "Filter: rule:R015 asn:14061 score:>0.99 -host:shop.test, or any text",
}


class QueryBox:
    """Calls `on_query(text)` for every query that parses; a mistake stays in the box, with its reason."""

    def __init__(self, text: str, grain: Grain, on_query: Callable[[str], None]) -> None:
        self._grain = grain
        self._on_query = on_query
        self.widget = pmui.AutocompleteInput(
            value=text,
            options=self._offers(text, text),
            restrict=False,
            min_characters=0,
            case_sensitive=False,
            placeholder=HINTS.get(grain, "Filter"),
            size="small",
            margin=0,
            sizing_mode="stretch_width",
            min_width=260,
            css_classes=["query-box"],
        )
        self.widget.param.watch(self._typed, "value_input")
        self.widget.param.watch(self._entered, "value")

    def set(self, text: str) -> None:
        """Search for a text from elsewhere on the page."""
        self.widget.value = text

    def complain(self, reason: str) -> None:
        """Show what is wrong with the query; empty removes it."""
        self.widget.param.update(error_state=bool(reason), helper_text=reason)

    def _offers(self, typed: str, current: str) -> list[str]:
        # A select widget gives up a value that is not among its options.
        return list(dict.fromkeys([*completions(typed[:MAX_TEXT], self._grain), current]))

    def _typed(self, event: Any) -> None:
        self.widget.options = self._offers(event.new or "", self.widget.value or "")

    def _entered(self, event: Any) -> None:
        self.widget.options = self._offers(event.new or "", event.new or "")
        text = (event.new or "").strip()[:MAX_TEXT]
        if text.endswith(":"):
            # A field name was chosen from the list; its value is still to come.
            return
        try:
            parse(text)
        except SearchError as mistake:
            self.complain(str(mistake))
            return
        self.complain("")
        self._on_query(text)

"""Calls from the page's scripts (keyboard, menus, tour) to its session, over the live connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import panel as pn
import structlog

MAX_CALL = 4000
"""Longest call: an action and a query, or the hidden columns of a table."""

log = structlog.get_logger(__name__)


class BrowserCall(msgspec.Struct, frozen=True):
    """One call. `number` makes equal calls differ, for only a change of the input is sent."""

    number: int
    action: str
    value: str = ""


class ColumnChoice(msgspec.Struct, frozen=True):
    """The columns of one table that are not shown from now on."""

    table: str
    hidden: list[str]


class BrowserCalls:
    """A hidden input, which `static/scripts/page.js` fills; `view` must stand on the page.

    Whoever holds the connection can call anything here with any text: actions check what they are given.
    """

    def __init__(self) -> None:
        self._actions: dict[str, Callable[[str], None]] = {"columns": self._choose_columns}
        self._tables: dict[str, Callable[[Sequence[str]], None]] = {}
        self.view = pn.widgets.TextInput(
            visible=False, margin=0, css_classes=["browser-calls"], max_length=MAX_CALL
        )
        self.view.param.watch(self._called, "value")

    def on(self, action: str, act: Callable[[str], None]) -> None:
        """Run `act(value)` for each call of `action`; the last one set counts."""
        self._actions[action] = act

    def on_table(self, table: str, hide: Callable[[Sequence[str]], None]) -> None:
        """Run `hide(columns)` when the person chooses the columns of that table."""
        self._tables[table] = hide

    def _choose_columns(self, value: str) -> None:
        try:
            choice = msgspec.json.decode(value, type=ColumnChoice)
        except (msgspec.DecodeError, UnicodeError):
            return
        hide = self._tables.get(choice.table)
        if hide is not None:
            hide(choice.hidden)

    def _called(self, event: Any) -> None:
        try:
            call = msgspec.json.decode(str(event.new)[:MAX_CALL], type=BrowserCall)
        except (msgspec.DecodeError, UnicodeError):
            log.warning("a call from the browser cannot be read", length=len(str(event.new)))
            return
        act = self._actions.get(call.action)
        if act is not None:
            act(call.value)

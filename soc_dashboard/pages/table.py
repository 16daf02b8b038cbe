"""A table of one read: its search box, verdict filter, sorting and paging, all answered by the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

from soc_dashboard.components import states
from soc_dashboard.components.cards import card, head
from soc_dashboard.components.markup import STYLESHEET, html_pane, number
from soc_dashboard.components.paged_table import PagedTable
from soc_dashboard.components.query_box import QueryBox
from soc_dashboard.components.table_menu import table_menu
from soc_dashboard.filters import MAX_TEXT, TableState
from soc_dashboard.pages.classifier import EntityKey
from soc_dashboard.pages.selection import Selection
from soc_dashboard.pages.session import PageSession
from soc_dashboard.search.fields import Grain
from soc_dashboard.search.terms import SearchError
from soc_dashboard.store.database import StoreFailedError
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.verdicts import VERDICTS
from soc_dashboard.window import MICROSECONDS

Columns = Mapping[str, tuple[str, int, Mapping[str, Any]]]
"""Column -> title, relative width, and Tabulator formatter."""
ReadPage = Callable[[PageRequest], Awaitable[tuple[pd.DataFrame, int]]]

PLAIN: dict[str, Any] = {"type": "plaintext"}
MARKUP: dict[str, Any] = {"type": "html"}
"""Only for columns whose markup this program wrote itself (the verdict chips)."""
COUNT: dict[str, Any] = {"type": "money", "thousand": "\u202f", "precision": False}
CHECK_BOX_PERCENT = 4
"""The column of check boxes has a fixed width, which the shares of the others must leave."""


def page_link(prefix: str) -> dict[str, Any]:
    """Formatter of a value that links to its page."""
    return {"type": "link", "urlPrefix": prefix, "target": "_self"}


def whole_percents(shares: Mapping[str, int], of: int = 100) -> dict[str, int]:
    """Whole numbers in proportion to the shares that add up to `of`, by largest remainder.

    Tabulator 6.4 cuts the fraction off a width in percent: eleven columns left a gap of 60 px at the right.
    """
    whole = sum(shares.values())
    exact = {name: share * of / whole for name, share in shares.items()}
    percents = {name: int(value) for name, value in exact.items()}
    largest_first = sorted(exact, key=lambda name: percents[name] - exact[name])
    for name in largest_first[: of - sum(percents.values())]:
        percents[name] += 1
    return percents


class DatabaseTable:
    """One card with a PagedTable. `read_page` gives the frame of a page and the number of all rows."""

    def __init__(
        self,
        session: PageSession,
        state: TableState,
        *,
        title: str,
        note: str,
        columns: Columns,
        sortable: frozenset[str],
        read_page: ReadPage,
        page_rows: int = 25,
        verdict_filter: str | None = None,
        query_grain: Grain | None = None,
        selection: Selection | None = None,
        keys: Callable[[], Sequence[EntityKey]] = lambda: (),
        controls: Sequence[pn.viewable.Viewable] = (),
        is_of_all_time: bool = False,
        export: str = "",
        export_query: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`columns` maps a column to its title, relative width and formatter; `verdict_filter` names the
        choice that stands for no verdict, or None for a table without that filter. With `query_grain` the
        text is a query on that grain, else a part of any shown value. With `selection` rows can be ticked,
        and `keys` names the entities of the rows that were read last. `controls` stand before the search box.
        `export` names the table for `/export`, `export_query` gives what that needs beside the state.
        `is_of_all_time` is for what has no range."""
        self._session = session
        self._state = state
        self._title = title
        self._note = note
        self._read_page = read_page
        self._sortable = sortable
        self._columns = columns
        self._page_rows = (session.preferences.page_rows or page_rows) if page_rows >= 25 else page_rows
        self._is_of_all_time = is_of_all_time
        self._export, self._export_query = export, export_query
        self._selection = selection if selection is not None and selection.is_offered else None
        self._keys = keys
        self._generation = 0
        self.head = html_pane(head(title, note), css_classes=["bar-head"])
        self.wait = html_pane(states.skeleton_block(220))
        self.empty = html_pane(Markup(""), visible=False)
        self._menu = html_pane(Markup(""), sizing_mode=None, css_classes=["wide-only"])
        self.table = PagedTable(
            list(columns),
            page_size=self._page_rows,
            titles={name: spec[0] for name, spec in columns.items()},
            widths=self._widths(),
            hidden_columns=self._hidden(),
            formatters={name: spec[2] for name, spec in columns.items()},
            text_align={name: "right" for name, spec in columns.items() if spec[2] is COUNT},
            header_align={name: "right" for name, spec in columns.items() if spec[2] is COUNT},
            sortable={name: name in sortable for name in columns},
            visible=False,
            selectable="checkbox" if self._selection else False,
            css_classes=["triage"] if self._selection else [],
        )
        if self._selection:
            self._selection.follow(self.table)
        self._query = (
            QueryBox(state.text, query_grain, lambda text: self.filter(text=text)) if query_grain else None
        )
        boxes: list[Any] = [*controls, self._query.widget if self._query else self._text_filter()]
        if verdict_filter is not None:
            self.verdict = pmui.Select(
                label="Verdict",
                options={verdict_filter: "", **{style.label: style.key for style in reversed(VERDICTS)}},
                value=state.verdict,
                size="small",
                width=170,
                margin=0,
            )
            self.verdict.param.watch(lambda event: self.filter(verdict=event.new), "value")
            boxes.insert(0, self.verdict)
        session.calls.on_table(self.name, self._choose_columns)
        self.table.param.watch(self._sorted, "sorters")
        self.table.param.watch(self._paged, "page")
        bar = pn.Row(
            self.head,
            *boxes,
            self._menu,
            css_classes=["table-bar"],
            stylesheets=[STYLESHEET],
            sizing_mode="stretch_width",
            margin=0,
        )
        above = [bar, self._selection.bar] if self._selection else [bar]
        self.card = card(*above, self.wait, self.empty, self.table)

    @property
    def name(self) -> str:
        """What the table is called in calls and exports."""
        return self._export or self._title.lower().replace(" ", "-")

    def filter(self, **values: str | bool) -> None:
        """Set parameters of the table's state, and read its first page."""
        self._state.param.update(page=1, **values)
        self._changed()

    def _hidden(self) -> list[str]:
        """Columns that are not shown; never all of them."""
        hidden = [name for name in self._columns if name in self._state.hidden_columns]
        return hidden if len(hidden) < len(self._columns) else []

    def _widths(self) -> dict[str, str]:
        """Shares of the width that the shown columns have."""
        hidden = self._hidden()
        shown = {name: spec[1] for name, spec in self._columns.items() if name not in hidden}
        percents = whole_percents(shown, 100 - (CHECK_BOX_PERCENT if self._selection else 0))
        return {name: f"{percent}%" for name, percent in percents.items()}

    def _choose_columns(self, hidden: Sequence[str]) -> None:
        self._state.hidden = ",".join(name for name in self._columns if name in hidden)
        self.table.param.update(hidden_columns=self._hidden(), widths=self._widths())
        self._session.keep_url()

    def _show_menu(self, total: int) -> None:
        hidden, state, window = self._hidden(), self._state, self._session.window
        columns = [(name, spec[0], name not in hidden) for name, spec in self._columns.items()]
        query: dict[str, str | int] = {
            "since": int(window.since.timestamp()),
            "until": -(-window.until_us // MICROSECONDS),
            "q": state.needle,
            "verdict": state.verdict,
            "sort": state.sort if state.sort in self._sortable else "",
            "descending": int(state.descending),
            **self._export_query(),
        }
        self._menu.object = str(table_menu(self.name, columns, query if self._export else None, total))

    async def read(self) -> None:
        """Read and show the page that the state asks for; raises StoreFailedError."""
        self._generation += 1
        mine = self._generation
        state = self._state
        wanted = PageRequest(
            needle=state.needle,
            verdict=state.verdict,
            sort=state.sort if state.sort in self._sortable else "",
            descending=state.descending,
            page=state.page,
            page_rows=self._page_rows,
        )
        try:
            frame, total = await self._read_page(wanted)
        except SearchError as mistake:
            self._show_mistake(mistake)
            return
        if mine != self._generation:
            return
        if frame.empty and state.page > 1:
            state.page = 1
            await self.read()
            return
        self._show(frame, total)

    def filter_by(self, text: str) -> None:
        """Filter by a value from elsewhere on the page."""
        if self._query:
            self._query.set(text)
        else:
            self._search.value = text

    def _text_filter(self) -> pmui.TextInput:
        self._search = pmui.TextInput(
            placeholder="Filter",
            value=self._state.text,
            max_length=MAX_TEXT,
            size="small",
            width=200,
            margin=0,
        )
        self._search.param.watch(lambda event: self.filter(text=event.new[:MAX_TEXT]), "value")
        return self._search

    def _show_mistake(self, mistake: SearchError) -> None:
        if self._query:
            self._query.complain(str(mistake))
        self.wait.visible = self.table.visible = False
        self.empty.visible = True
        self.empty.object = str(states.mistake(str(mistake)))

    def _show(self, frame: pd.DataFrame, total: int) -> None:
        self.wait.visible = False
        filters = self._filters_text()
        self.head.object = str(head(self._title, f"{number(total)} · {self._note}" if total else self._note))
        self._show_menu(total)
        self.table.visible = not frame.empty
        self.empty.visible = frame.empty
        if frame.empty:
            self.empty.object = str(self._nothing(filters))
            return
        if self._selection:
            self._selection.show_page(lambda: self.table.show_page(frame, total), self._keys())
        else:
            self.table.show_page(frame, total)
        if self.table.page != self._state.page:
            self.table.page = self._state.page

    def _nothing(self, filters: str) -> Markup:
        if self._is_of_all_time:
            advice = "Remove a filter." if filters else "None was ever recorded."
            return states.empty("Nothing matches", f"of all time{', ' if filters else ''}{filters}", advice)
        advice = "Remove a filter or widen the range." if filters else "Widen the range to see more."
        return states.empty("Nothing matches", states.asked_text(self._session.window, filters), advice)

    def _filters_text(self) -> str:
        parts = []
        if self._state.verdict:
            parts.append(f"verdict {self._state.verdict.replace('_', ' ')}")
        if self._state.needle:
            parts.append(f"{'for' if self._query else 'containing'} “{self._state.needle}”")
        return ", ".join(parts)

    def _sorted(self, event: Any) -> None:
        sorters = [sorter for sorter in event.new if sorter.get("field") in self._sortable]
        sort, descending = (sorters[0]["field"], sorters[0]["dir"] == "desc") if sorters else ("", True)
        if (sort, descending) != (self._state.sort, self._state.descending):
            self._state.param.update(sort=sort, descending=descending, page=1)
            self._changed()

    def _paged(self, event: Any) -> None:
        if event.new != self._state.page:
            self._state.page = event.new
            self._changed()

    def _changed(self) -> None:
        self._session.keep_url()
        pn.state.execute(self._read_again)

    async def _read_again(self) -> None:
        await asyncio.sleep(0)
        try:
            await self.read()
        except StoreFailedError as failure:
            self._session.show_failure(failure)

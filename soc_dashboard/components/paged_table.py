"""A Tabulator whose sorting, filtering and paging happen in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pandas as pd
import panel as pn
import param
from bokeh.models import ColumnDataSource

from soc_dashboard.assets import asset

TABLE_STYLESHEET = asset("table.css")
ROW_PX = 32
HEAD_PX = 33
FOOT_PX = 36


class PagedTable(pn.widgets.Tabulator):
    """`value` holds one page of rows, already sorted and filtered; `total` counts the rows of all pages.

    Panel's own remote paging keeps the whole frame in the server's memory and slices it. This one keeps a
    page: the owner watches `page` and `sorters`, reads, and calls `show_page`. `selection` counts from the
    top of the page. Overrides `_get_data`, `_length`, `_process_event`, `_map_indexes` and
    `_update_selected` of Panel 1.9.
    """

    total = param.Integer(default=0, bounds=(0, None), doc="Rows over all pages.")

    _rename: ClassVar[Mapping[str, str | None]] = {"total": None}

    def __init__(self, columns: list[str], **params: Any) -> None:
        params.setdefault("page_size", 25)
        params.setdefault("selectable", False)
        super().__init__(
            pd.DataFrame({name: [] for name in columns}),
            pagination="remote",
            show_index=False,
            disabled=True,
            theme="simple",
            layout="fit_columns",
            sizing_mode="stretch_width",
            margin=0,
            row_height=ROW_PX,
            # Rows of one known height, all of them in the document: nothing has to be measured. By default
            # Tabulator measures each cell anew for each of its drawings, 2,750 times for 50 rows.
            configuration={"rowHeight": ROW_PX, "renderVertical": "basic"},
            stylesheets=[TABLE_STYLESHEET],
            **params,
        )

    def show_page(self, frame: pd.DataFrame, total: int) -> None:
        """Show one page."""
        self.total = total
        self.value = frame
        self.height = HEAD_PX + FOOT_PX + max(len(frame), 1) * ROW_PX + (60 if frame.empty else 0)

    def row_of(self, event: Any) -> Mapping[str, Any]:
        """The row that was clicked; empty when the page changed in between."""
        return self.value.iloc[event.row].to_dict() if 0 <= event.row < len(self.value) else {}

    @property
    def _length(self) -> int:
        return self.total

    def _get_data(self) -> Any:
        frame = self.value
        return frame, {
            str(name): self._process_column(values, name, frame)
            for name, values in ColumnDataSource.from_df(frame).items()
        }

    def _map_indexes(self, indexes: list[int], existing: Sequence[int] = (), add: bool = True) -> list[int]:
        kept = [at for at in existing if add or at not in indexes]
        added = [at for at in indexes if add and 0 <= at < len(self.value)]
        return list(dict.fromkeys([*kept, *added]))

    def _update_selected(self, *events: Any, indices: Any = None) -> None:  # noqa: ARG002 - as in Panel
        pn.widgets.tables.BaseTable._update_selected(self, *events, indices=list(self.selection))

    def _process_event(self, event: Any) -> None:
        if event.event_name == "selection-change":
            self._update_selection(event)
            return
        if event.event_name != "cell-click":
            return
        if not 0 <= event.row < len(self.value):
            return
        for callback in [
            *self._on_click_callbacks.get(None, []),
            *self._on_click_callbacks.get(event.column, []),
        ]:
            callback(event)

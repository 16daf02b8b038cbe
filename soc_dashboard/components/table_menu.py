"""The two menus of a table: which columns are shown, and its rows as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from markupsafe import Markup

from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import number
from soc_dashboard.export.files import MAX_EXPORT_ROWS


def table_menu(
    table: str,
    columns: Sequence[tuple[str, str, bool]],
    export: Mapping[str, str | int] | None,
    total: int,
) -> Markup:
    """Buttons that `static/scripts/cells.js` opens menus for.

    `columns` are name, title and whether it is shown; `export` is the query of the export's address, None
    for a table that has none; `total` counts the rows that match.
    """
    choose = Markup(
        '<button class="icon-button" data-table="{}" data-columns="{}" title="Columns" '
        'aria-label="Columns of {}">{}</button>'
    ).format(table, json.dumps(columns), table, icon("columns"))
    if export is None:
        return choose
    return choose + Markup(
        '<button class="icon-button" data-export="{}" title="Export" aria-label="Export {}">{}</button>'
    ).format(json.dumps(_export(table, export, total)), table, icon("export"))


def _export(table: str, query: Mapping[str, str | int], total: int) -> dict[str, str]:
    arguments = urlencode(query)
    cut = (
        f"the first {number(MAX_EXPORT_ROWS)} of {number(total)} rows"
        if total > MAX_EXPORT_ROWS
        else f"all {number(total)} rows"
    )
    return {
        "csv": f"/export/{table}.csv?{arguments}",
        "parquet": f"/export/{table}.parquet?{arguments}",
        "note": f"What matches the filters and the range: {cut}, with all columns.",
    }

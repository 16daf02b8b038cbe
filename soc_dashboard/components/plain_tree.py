"""A page's panes as plain markup, before any script runs: the same texts, in the same boxes.

Charts, menus and fields need scripts; each has a box of its size in its place, so that nothing jumps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup
from panel.layout.base import ListLike

from soc_dashboard.components.markup import joined, number, text
from soc_dashboard.components.paged_table import PagedTable

_ROWS = (pn.Row, pn.FlexBox)
_HIDDEN = Markup("")


def plain(view: Any) -> Markup:
    """Markup of a pane, or of a layout with everything in it; empty for what is not shown.

    Panes of HTML hold markup that this program wrote and escaped (`html_pane`); everything else is escaped
    here.
    """
    if not getattr(view, "visible", True) or isinstance(view, pmui.Drawer):
        return _HIDDEN
    if isinstance(view, pn.pane.HTML):
        return _box(view, Markup(view.object or ""))  # noqa: S704 - see above
    if isinstance(view, PagedTable):
        return _box(view, _table(view), height=view.height)
    if isinstance(view, pn.pane.ECharts):
        return _box(view, Markup(""), height=view.height)
    if isinstance(view, ListLike):
        kind = "row" if isinstance(view, _ROWS) else "column"
        return _box(view, joined([plain(child) for child in view]), kind)
    if isinstance(view, pn.HSpacer):
        return Markup('<span class="host wide"></span>')
    return _field(view)


def _box(view: Any, content: Markup, kind: str = "pane", height: int | None = None) -> Markup:
    classes = ["host", kind, *(view.css_classes or [])]
    if (view.sizing_mode or "").startswith("stretch"):
        classes.append("wide")
    rules = [f"{name}:{value}" for name, value in (view.styles or {}).items()]
    if height:
        rules.append(f"min-height:{height}px")
    return Markup('<div class="{}" style="{}">{}</div>').format(" ".join(classes), ";".join(rules), content)


def _field(view: Any) -> Markup:
    """What stands for a field until it can be used: its outline, with what was chosen."""
    if isinstance(view, pmui.RadioButtonGroup):
        options = [
            Markup('<span class="{}">{}</span>').format("chosen" if value == view.value else "", value)
            for value in view.options
        ]
        return Markup('<span class="choices">{}</span>').format(joined(options))
    if isinstance(view, pmui.IconButton):
        return Markup('<span class="icon-button" aria-hidden="true"></span>')
    if isinstance(view, pmui.Button):
        return Markup('<span class="field">{}</span>').format(view.label)
    if isinstance(view, pmui.Checkbox):
        return Markup('<span class="tick">{}</span>').format(view.label)
    if not isinstance(view, pmui.Select | pmui.TextInput | pmui.AutocompleteInput):
        return _HIDDEN
    width = f"width:{view.width}px" if view.width else "flex:1"
    return Markup('<span class="field" style="{}">{}</span>').format(width, text(_shown_value(view)))


def _shown_value(view: Any) -> str:
    if isinstance(view, pmui.Select):
        options = view.options
        if isinstance(options, Mapping):
            return next((str(label) for label, value in options.items() if value == view.value), "")
    return str(view.value or getattr(view, "placeholder", "") or "")


def _table(view: PagedTable) -> Markup:
    frame = view.value
    shown = [name for name in frame.columns if name not in view.hidden_columns]
    columns = joined(
        [Markup('<col style="width:{}">').format((view.widths or {}).get(name, "auto")) for name in shown]
    )
    heads = joined(
        [
            Markup('<th scope="col" class="{}">{}</th>').format(
                _side(view, name), view.titles.get(name, name)
            )
            for name in shown
        ]
    )
    rows = [
        joined(
            [
                Markup('<td class="{}" data-field="{}">{}</td>').format(
                    _side(view, name), name, _cell(value, view.formatters.get(name, {}))
                )
                for name, value in zip(shown, values, strict=True)
            ]
        )
        for values in frame[shown].itertuples(index=False, name=None)
    ]
    # Tabulator has a column of check boxes before those of rows that can be ticked.
    is_ticked = view.selectable == "checkbox"
    tick, width = (Markup("<td></td>"), Markup('<col style="width:4%">')) if is_ticked else (Markup(""),) * 2
    return Markup(
        '<table class="rows"><colgroup>{}{}</colgroup><thead><tr>{}{}</tr></thead><tbody>{}</tbody></table>'
    ).format(width, columns, tick, heads, joined([Markup("<tr>{}{}</tr>").format(tick, row) for row in rows]))


def _side(view: PagedTable, name: str) -> str:
    align = view.text_align
    return "right" if isinstance(align, Mapping) and align.get(name) == "right" else ""


def _cell(value: object, formatter: Mapping[str, Any]) -> Markup:
    """As Tabulator's formatter of that name shows it."""
    kind = formatter.get("type", "plaintext")
    if kind == "html":
        return Markup(str(value))  # noqa: S704 - written by this program, see MARKUP in pages/table.py
    if value is None or value != value:
        return Markup("")
    if kind == "money" and isinstance(value, int | float):
        return text(number(value))
    if kind == "link":
        address = str(formatter.get("urlPrefix", "")) + quote(str(value), safe=":")
        return Markup('<a href="{}">{}</a>').format(address, text(value))
    return text(value)

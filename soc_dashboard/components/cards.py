"""Cards and grids."""

from __future__ import annotations

import panel as pn
from markupsafe import Markup

from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import STYLESHEET, html_pane, number, percent
from soc_dashboard.store.rows import VerdictTotal
from soc_dashboard.verdicts import VERDICTS


def card(*content: object, **params: object) -> pn.Column:
    """One card: hairline border, no shadow."""
    return pn.Column(
        *content,
        css_classes=["card"],
        stylesheets=[STYLESHEET],
        sizing_mode="stretch_width",
        margin=0,
        **params,
    )


def grid(kind: str, *content: object) -> pn.Column:
    """Cards side by side on wide screens; `kind` is `wide-narrow`, `halves`, `thirds` or
    `quarters`."""
    return pn.Column(
        *content, css_classes=["grid", kind], stylesheets=[STYLESHEET], sizing_mode="stretch_width", margin=0
    )


def head(title: str, note: str = "", right: Markup | None = None, is_chart: bool = False) -> Markup:
    """Title line of a card; that of a chart offers to save it as a picture."""
    save = (
        Markup(
            '<button class="icon-button" data-picture="{}" title="Save as PNG" aria-label="Save {} as PNG">{}'
            "</button>"
        ).format(title, title, icon("picture"))
        if is_chart
        else ""
    )
    return Markup(
        '<div class="head"><h2>{}</h2><span class="note">{}</span><div class="right">{}</div>{}</div>'
    ).format(title, note, right or "", save)


def head_pane(title: str, note: str = "") -> pn.pane.HTML:
    """Title line of a card that keeps its text."""
    return html_pane(head(title, note))


def verdict_legend(totals: tuple[VerdictTotal, ...]) -> Markup:
    """Verdicts that occur, with their shares (counts on hover): labels of the stacked bars."""
    known = {row.verdict: row.requests for row in totals}
    whole = sum(known.values())
    parts = [
        Markup(
            '<span class="{}" title="{} requests"><svg viewBox="0 0 12 12" fill="currentColor">'
            '<path d="{}"/></svg>'
            "{} <b>{}</b></span>"
        ).format(
            style.key, number(known[style.key]), style.icon, style.label, percent(known[style.key] / whole)
        )
        for style in reversed(VERDICTS)
        if known.get(style.key)
    ]
    return Markup('<div class="legend">{}</div>').format(Markup("").join(parts))

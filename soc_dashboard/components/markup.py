"""HTML from values: everything that is not `Markup` is escaped, because most of it comes from attackers."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import panel as pn
from markupsafe import Markup, escape

from soc_dashboard.assets import styles_address
from soc_dashboard.components.icons import icon
from soc_dashboard.verdicts import verdict_style

THIN_SPACE = "\u202f"
MAX_SHOWN = 400
"""Longest stored value that is put on a page; the rest is available through the API."""
STYLESHEET = styles_address()


def html_pane(content: Markup, **params: object) -> pn.pane.HTML:
    """A pane of escaped markup with the dashboard's styles."""
    params.setdefault("sizing_mode", "stretch_width")
    params.setdefault("margin", 0)
    return pn.pane.HTML(
        str(content), stylesheets=[STYLESHEET], disable_math=True, sanitize_html=False, **params
    )


def visible(value: object, limit: int = MAX_SHOWN) -> str:
    """Text of a stored value as it may be shown: bounded, with control and direction characters made visible.

    Bidirectional overrides and control characters would let a path or user agent reorder or hide its
    neighbours on the screen; they are written as `\\u{202e}`.
    """
    text = str(value)
    cut = text[:limit]
    shown = "".join(
        f"\\u{{{ord(char):x}}}"
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        else char
        for char in cut
    )
    return shown + ("…" if len(text) > limit else "")


def middle_cut(text: str, limit: int) -> str:
    """Text of at most `limit` characters: the middle of a longer one gives way to an ellipsis."""
    if len(text) <= limit:
        return text
    head = (limit - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"


def mono(value: object, limit: int = 64, copy: bool = True) -> Markup:
    """A fingerprint, address or path: monospace, cut in the middle, whole value on hover, copied on click."""
    text = visible(value)
    shown = middle_cut(text, limit)
    button = Markup('<button class="copy" data-copy="{}" title="Copy" aria-label="Copy">{}</button>').format(
        text, icon("copy")
    )
    return Markup('<span class="mono" dir="ltr" title="{}">{}</span>{}').format(
        text, shown, button if copy else ""
    )


def number(value: int | float | None, digits: int = 0) -> str:
    """A number with thin-space groups; a dash for None."""
    if value is None:
        return "–"
    return f"{value:,.{digits}f}".replace(",", THIN_SPACE)


def compact(value: int | float) -> str:
    """A number for a narrow place: 12 345 678 is `12.3 M`."""
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (100_000, "k")):
        if abs(value) >= limit:
            scaled = value / (1000 if unit == "k" else limit)
            return f"{scaled:.1f}{THIN_SPACE}{unit}"
    return number(value)


def percent(ratio: float | None, digits: int = 1) -> str:
    """A ratio as a percentage; a dash for None (nothing observed)."""
    if ratio is None:
        return "–"
    return f"{ratio * 100:.{digits}f}{THIN_SPACE}%"


def score_text(score: float | None) -> str:
    """A score quantile with three decimals; a dash for None (not scored)."""
    return "–" if score is None else f"{score:.3f}"


def utc_text(moment: datetime) -> str:
    """Absolute time in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def span_text(length: timedelta) -> str:
    """A length of time in its largest fitting unit."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 90:
        return f"{seconds}{THIN_SPACE}s"
    if seconds < 90 * 60:
        return f"{seconds // 60}{THIN_SPACE}min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600}{THIN_SPACE}h"
    return f"{seconds // 86400}{THIN_SPACE}d"


def ago_text(moment: datetime, now: datetime) -> str:
    """Relative time."""
    if now - moment < timedelta(seconds=5):
        return "just now"
    return f"{span_text(now - moment)} ago"


def ago(moment: datetime, now: datetime) -> Markup:
    """Relative time, absolute on hover."""
    return Markup('<time title="{}">{}</time>').format(utc_text(moment), ago_text(moment, now))


def chip(verdict: str) -> Markup:
    """A verdict as colour, shape and word."""
    style = verdict_style(verdict)
    return Markup(
        '<span class="chip {}"><svg viewBox="0 0 12 12" aria-hidden="true"><path d="{}"/></svg>{}</span>'
    ).format(style.key, style.icon, style.label)


def joined(parts: list[Markup] | tuple[Markup, ...]) -> Markup:
    """Markup put together without a separator."""
    return Markup("").join(parts)


def text(value: object, limit: int = MAX_SHOWN) -> Markup:
    """A stored value as escaped, visible text."""
    return escape(visible(value, limit))

"""Key figures with their change, definition, denominator and time of reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from soc_dashboard.components.markup import joined

SPARK_WIDTH = 120
SPARK_HEIGHT = 22


@dataclass(frozen=True, slots=True)
class Kpi:
    """One figure. `definition` says what is counted, of what, and as of when; it is shown on hover."""

    label: str
    value: str
    sub: Markup
    definition: str
    series: Sequence[float | None] = ()
    """Values over the window for the sparkline, oldest first; None breaks the line."""


def kpi_row(kpis: Sequence[Kpi], dense: bool = False) -> Markup:
    """A row of cards; `dense` for eight of them."""
    return Markup('<div class="kpis{}">{}</div>').format(
        " eight" if dense else "", joined([_card(kpi) for kpi in kpis])
    )


def change(now: float | None, before: float | None, against: str, more_is_worse: bool = False) -> Markup:
    """Change of a count against the comparison window, in words; says so when there is none."""
    if now is None or before is None:
        return Markup("no earlier data")
    if before == 0:
        return (
            Markup("none {}").format(against) if now == 0 else Markup("<b>new</b>, none {}").format(against)
        )
    ratio = now / before - 1
    if abs(ratio) < 0.005:
        return Markup("unchanged {}").format(against)
    return _signed(ratio * 100, 0, "%", more_is_worse and ratio > 0.1, against)


def change_points(
    now: float | None, before: float | None, against: str, more_is_worse: bool = False
) -> Markup:
    """Change of a ratio in percentage points."""
    if now is None or before is None:
        return Markup("no earlier data")
    points = (now - before) * 100
    return _signed(points, 1, "pt", more_is_worse and points > 1, against)


def sparkline(series: Sequence[float | None]) -> Markup:
    """A line of the series, scaled from zero to its maximum."""
    known = [value for value in series if value is not None]
    if len(known) < 2:
        return Markup("")
    top = max(known) or 1.0
    step = SPARK_WIDTH / (len(series) - 1)
    pieces: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(series):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((index * step, SPARK_HEIGHT - 1 - value / top * (SPARK_HEIGHT - 3)))
    lines = [piece for piece in pieces if len(piece) > 1]
    stroke = " ".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in piece) for piece in lines)
    area = " ".join(
        f"M{piece[0][0]:.1f} {SPARK_HEIGHT}L"
        + "L".join(f"{x:.1f} {y:.1f}" for x, y in piece)
        + f"L{piece[-1][0]:.1f} {SPARK_HEIGHT}Z"
        for piece in lines
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="area" d="{}"/><path d="{}"/></svg>'
    ).format(SPARK_WIDTH, SPARK_HEIGHT, area, stroke)


def _signed(value: float, digits: int, unit: str, is_worse: bool, against: str) -> Markup:
    return Markup('<b class="{}">{}{}\u202f{}</b> {}').format(
        "worse" if is_worse else "better",
        "+" if value >= 0 else "−",
        f"{abs(value):.{digits}f}",
        unit,
        against,
    )


def _card(kpi: Kpi) -> Markup:
    return Markup(
        '<div class="kpi" title="{}" role="group" aria-label="{}"><button class="label" '
        'data-figure="{}">{}</button>'
        '<div class="value">{}</div><div class="sub">{}</div>{}</div>'
    ).format(kpi.definition, kpi.label, kpi.label, kpi.label, kpi.value, kpi.sub, sparkline(kpi.series))

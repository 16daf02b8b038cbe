"""The five verdicts as the analyst sees them: one name, one colour, one shape each, everywhere."""

from __future__ import annotations

from dataclasses import dataclass

HOSTILE = ("suspicious", "bad_bot")
"""Verdicts that ask for a decision."""
BOTS = ("good_bot", "bad_bot")
"""Verdicts that say: automated."""
SEVERITY = ("unknown", "human", "good_bot", "suspicious", "bad_bot")
"""From least to most telling: an entity has the verdict of its most telling hour. `unknown` is an hour too
small to judge and outweighs nothing, so that a person's last three requests do not undo a day."""


@dataclass(frozen=True, slots=True)
class VerdictStyle:
    """How one verdict is shown. Colours are `#rrggbb` for the light and the dark theme."""

    key: str
    label: str
    light: str
    dark: str
    icon: str
    """Path data of a 12 x 12 SVG: shapes differ, so that colour is never the only difference."""
    decal: dict[str, object] | None = None
    """ECharts pattern over the bar, for the two colours that neighbour each other in a stack."""


VERDICTS: tuple[VerdictStyle, ...] = (
    VerdictStyle(
        "human",
        "Human",
        "#147a8c",
        "#3fa9bd",
        "M6 1a2.4 2.4 0 1 1 0 4.8A2.4 2.4 0 0 1 6 1zM1.5 11a4.5 4 0 0 1 9 0z",
    ),
    VerdictStyle("good_bot", "Good bot", "#5d6f8c", "#8798b5", "M6 .8 11.2 6 6 11.2.8 6z"),
    VerdictStyle(
        "unknown",
        "Unknown",
        "#b3b9c2",
        "#565e6a",
        "M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1zm0 1.6a3.4 3.4 0 1 0 0 6.8 3.4 3.4 0 0 0 0-6.8z",
    ),
    VerdictStyle(
        "suspicious",
        "Suspicious",
        "#d98404",
        "#f0a63a",
        "M6 .8 11.6 11H.4z",
        {
            "symbol": "rect",
            "dashArrayX": [1, 0],
            "dashArrayY": [2, 5],
            "rotation": -0.785,
            "color": "rgba(255,255,255,0.45)",
        },
    ),
    VerdictStyle(
        "bad_bot", "Bad bot", "#c22f3d", "#ec5f67", "M3.6.8h4.8L11.2 3.6v4.8L8.4 11.2H3.6L.8 8.4V3.6z"
    ),
)
"""Order of stacking, from the axis up."""

_BY_KEY = {style.key: style for style in VERDICTS}


def verdict_style(key: str) -> VerdictStyle:
    """Style of a verdict; one that this version does not know is shown as unknown."""
    return _BY_KEY.get(key, _BY_KEY["unknown"])

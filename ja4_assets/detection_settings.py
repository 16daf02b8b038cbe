"""Thresholds that people may set on the screen: their names, what they may be, and what holds now.

The dashboard appends to `detection_settings`; the mart `dim_setting` has the newest value of each name. A row
with a name or value that is not allowed here changes nothing: the default holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DetectionSetting:
    """One threshold. `low` and `high` belong to what is allowed."""

    name: str
    low: float
    high: float
    default: float
    meaning: str

    def is_allowed(self, value: float) -> bool:
        """The value is a number within the range."""
        return math.isfinite(value) and self.low <= value <= self.high


DETECTION_SETTINGS: tuple[DetectionSetting, ...] = (
    DetectionSetting(
        "false_alarm_share",
        0.001,
        0.5,
        0.05,
        "largest expected share of wrong alerts among the alerts that the model raises in a day",
    ),
)
"""A name is never given another meaning: rows of years ago carry it."""


def settings_in_force(newest: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Value of every setting, from the newest (name, value) of those that were ever set."""
    chosen = dict(newest)
    return {
        setting.name: chosen[setting.name]
        if setting.name in chosen and setting.is_allowed(chosen[setting.name])
        else setting.default
        for setting in DETECTION_SETTINGS
    }

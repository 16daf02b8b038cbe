"""Thresholds that people set on the Settings page, in words.

The names, ranges and defaults are those of `detection_settings` in the assets; a test holds both equal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MAX_NOTE = 1000


class ThresholdRefusedError(ValueError):
    """A value that is not set; the message is for the person."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """One threshold. `low` and `high` belong to what is allowed."""

    name: str
    label: str
    low: float
    high: float
    default: float
    meaning: str
    effect: str
    """What a smaller and a larger value do."""

    @staticmethod
    def maybe_number(text: str) -> float | None:
        """The number that a person wrote; None for anything else."""
        try:
            return float(text)
        except ValueError:
            return None

    def checked(self, value: float | None, note: str) -> float:
        """The value, if it may be set. Raises ThresholdRefusedError."""
        if value is None or not math.isfinite(value) or not self.low <= value <= self.high:
            raise ThresholdRefusedError(f"{self.label} takes a number from {self.low:g} to {self.high:g}")
        if len(note) > MAX_NOTE:
            raise ThresholdRefusedError(f"a note has at most {MAX_NOTE} characters")
        return value


THRESHOLDS: tuple[Threshold, ...] = (
    Threshold(
        "false_alarm_share",
        "False alarms, at most",
        0.001,
        0.5,
        0.05,
        "Largest expected share of alerts that are about people, of all alerts of an hour.",
        "A smaller value gives fewer alerts and misses more; a larger one the reverse. Holds from the next "
        "scoring on.",
    ),
)

"""The false-alarm promise: of a day's alerts at most a stated share is wrong, in expectation.

An entity hour's p-value is the share of held-out ordinary entity hours of its class that are at least as
strange: (1 + those) / (1 + all of them). If the entity hour is ordinary too, drawn as the held-out ones
were, its p-value is at most t with a probability of at most t, whatever the model and whatever the
distribution (Vovk, Gammerman, Shafer 2005). Benjamini and Hochberg's rule over a day's p-values then keeps
the expected share of wrong alerts at or under the share asked for; p-values that share a calibration set
depend on each other in the way the rule bears (Bates, Candès, Lei, Romano, Sesia: Testing for outliers with
conformal p-values, 2023).

Bots among the held-out rows that nobody named: see docs/explanation/false-alarm-promise.md. `worst_share`
says what is left of the promise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ja4_assets.ml.traffic_classes import MERGED

FloatArray = npt.NDArray[np.float64]
TextArray = npt.NDArray[np.object_]

CALIBRATION_PERCENT = 25
"""Share of the addresses of the window that calibrate and never train. Fewer give coarser p-values, more a
forest that knows less: 200 trees of 256 rows need a few tens of thousands."""

MIN_CLASS_ROWS = 400
"""A class with fewer is merged: its smallest p-value, 1/401, could only enter a list of alerts as long as a
twentieth of the day's entity hours at a promise of 5 %."""

_HASH_KEY = "ja4-calibration-"
"""16 characters, as the hash wants; another key would draw other addresses."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Sorted scores of held-out ordinary entity hours, per class with enough of them."""

    scores: Mapping[str, FloatArray]
    """Class, or MERGED for those that were too small, -> ascending scores. May be empty."""
    contamination: float | None = None
    """Estimated share of bots among them; None if it could not be estimated."""

    def class_of(self, traffic_class: str) -> str:
        """The class whose scores stand for `traffic_class`; empty if nothing was held out for it."""
        if traffic_class in self.scores:
            return traffic_class
        return MERGED if MERGED in self.scores else ""

    def p_values(self, scores: FloatArray, classes: TextArray) -> tuple[FloatArray, TextArray]:
        """Per row its p-value, NaN without a calibration, and the class that gave it."""
        found = np.full(len(scores), np.nan)
        used = np.full(len(scores), "", dtype=object)
        for traffic_class in pd.unique(classes):
            rows = classes == traffic_class
            used[rows] = name = self.class_of(str(traffic_class))
            if name:
                held_out = self.scores[name]
                stranger = len(held_out) - np.searchsorted(held_out, scores[rows], side="left")
                found[rows] = (1.0 + stranger) / (1.0 + len(held_out))
        return found, used


def calibrate(
    scores: FloatArray,
    classes: TextArray,
    min_rows: int = MIN_CLASS_ROWS,
    contamination: float | None = None,
) -> Calibration:
    """Calibration from held-out scores; classes below `min_rows` are merged.

    If even those together are fewer, the smallest class that is large enough joins them. Which classes are
    merged depends on their sizes alone, never on scores.
    """
    parts = {str(name): scores[classes == name] for name in sorted(set(classes))}
    small = [name for name, part in parts.items() if len(part) < min_rows]
    large = sorted((len(part), name) for name, part in parts.items() if len(part) >= min_rows)
    if small and large and sum(len(parts[name]) for name in small) < min_rows:
        small.append(large[0][1])
    kept = {name: np.sort(part) for name, part in parts.items() if name not in small}
    if small:
        kept[MERGED] = np.sort(np.concatenate([parts[name] for name in small]))
    return Calibration(kept, contamination)


def estimated_contamination(named: int, undecided: int, rule_recall: float) -> float:
    """Share of bots among the undecided rows, if rules name the bots of this site as often as the labelled
    ones.

    `named` rows were named by a rule, a share `rule_recall` of all bots; the others are among the
    `undecided`.
    """
    if not undecided:
        return 0.0
    unnamed = named * (1.0 - rule_recall) / rule_recall if rule_recall > 0.0 else float(undecided)
    return min(1.0, unnamed / undecided)


def calibrates(client_ips: TextArray) -> npt.NDArray[np.bool_]:
    """Which rows are held out for calibration: all or none of an address, by a hash of it.

    By address and not by row, because the hours of one client are alike: were some of them trained on, the
    others would look more ordinary than a stranger's.
    """
    hashed = pd.util.hash_array(client_ips, hash_key=_HASH_KEY, categorize=True)
    return np.asarray(hashed % np.uint64(100) < np.uint64(CALIBRATION_PERCENT), dtype=np.bool_)


def benjamini_hochberg(p_values: FloatArray, share: float) -> float:
    """The largest p-value that may be an alert, 0 if none may (Benjamini, Hochberg 1995).

    `p_values` without NaN, one per entity hour of the day; an entity hour is an alert if its own is at most
    the result.
    """
    ordered = np.sort(p_values)
    allowed = share * np.arange(1, len(ordered) + 1) / max(1, len(ordered))
    passing = np.flatnonzero(ordered <= allowed)
    return float(ordered[passing[-1]]) if len(passing) else 0.0


def worst_share(share: float, contamination: float) -> float:
    """What the promised share can become if that part of the calibration are bots and all look ordinary.

    Bots that look stranger than people make p-values larger and the promise safer. Only bots that look more
    ordinary than people make people's p-values smaller, each by a factor of at most 1 - contamination.
    """
    return min(1.0, share / (1.0 - contamination)) if contamination < 1.0 else 1.0

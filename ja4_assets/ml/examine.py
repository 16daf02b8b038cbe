"""The least a model must do before anybody relies on it: give finite scores that differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ja4_assets.ml.forest import FloatArray

MIN_SPREAD = 1e-3
"""Scores closer together than this rank nothing: real windows spread over several tenths."""


@dataclass(frozen=True, slots=True)
class ScoreExamination:
    """What the scores of a training window look like, and what is wrong with them."""

    rows: int
    not_finite: int
    out_of_range: int
    lowest: float
    highest: float
    distinct: int
    faults: tuple[str, ...]

    @property
    def is_passed(self) -> bool:
        """Nothing is wrong."""
        return not self.faults


def examine_scores(scores: FloatArray) -> ScoreExamination:
    """Look for scores that are missing, NaN, infinite, outside 0 to 1, or all the same."""
    finite = scores[np.isfinite(scores)]
    not_finite = len(scores) - len(finite)
    out_of_range = int(np.count_nonzero((finite < 0.0) | (finite > 1.0)))
    lowest, highest = (float(finite.min()), float(finite.max())) if len(finite) else (np.nan, np.nan)
    faults = []
    if len(scores) == 0:
        faults.append("there are no scores")
    if not_finite:
        faults.append(f"{not_finite} of {len(scores)} scores are NaN or infinite")
    if out_of_range:
        faults.append(f"{out_of_range} of {len(scores)} scores are outside 0 to 1")
    if len(finite) and highest - lowest < MIN_SPREAD:
        faults.append(f"the scores are constant: all between {lowest:.6f} and {highest:.6f}")
    return ScoreExamination(
        rows=len(scores),
        not_finite=not_finite,
        out_of_range=out_of_range,
        lowest=lowest,
        highest=highest,
        distinct=len(np.unique(finite)),
        faults=tuple(faults),
    )

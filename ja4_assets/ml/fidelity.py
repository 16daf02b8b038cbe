"""Whether an explanation names what made the score: take the named features away, and the score must fall.

Removing a feature sets it to what is usual for the row's host and hour of the week. The same number of
features drawn at random is removed for comparison: a method that names anything at all lowers scores a
little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.explain import contributions, population_norms
from ja4_assets.ml.forest import FloatArray

REMOVED = 3
"""As many as an analyst's sentence names."""

MAX_ROWS = 2_000
"""Strangest rows that are examined; a bound on the time."""

RANDOM_DRAWS = 5


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Mean fall of log2(anomaly score), in bits, over the rows examined."""

    rows: int
    named_bits: float
    """After removing the features that the explanation names first."""
    random_bits: float
    """After removing as many drawn at random."""

    @property
    def is_faithful(self) -> bool:
        """The named ones matter more than random ones."""
        return self.named_bits > self.random_bits


def measure_fidelity(pipeline: Pipeline, matrix: pd.DataFrame, seed: int) -> Fidelity:
    """Deletion test over rows that deserve an explanation, at most MAX_ROWS of them; the seed draws at
    random."""
    rows = matrix.head(MAX_ROWS)
    if rows.empty:
        return Fidelity(0, 0.0, 0.0)
    before = _log_scores(pipeline, rows)
    bits, _ = contributions(pipeline, rows)
    named = np.argsort(-bits, axis=1, kind="stable")[:, :REMOVED]
    norms = population_norms(pipeline, rows)
    rng = np.random.default_rng(seed)
    drops = []
    for _ in range(RANDOM_DRAWS):
        drawn = rng.permuted(np.tile(np.arange(len(FEATURE_NAMES)), (len(rows), 1)), axis=1)[:, :REMOVED]
        drops.append(float((before - _log_scores(pipeline, _without(rows, drawn, norms))).mean()))
    after = _log_scores(pipeline, _without(rows, named, norms))
    return Fidelity(len(rows), float((before - after).mean()), float(np.mean(drops)))


def _without(rows: pd.DataFrame, columns: npt.NDArray[np.int64], norms: FloatArray) -> pd.DataFrame:
    values = rows[list(FEATURE_NAMES)].to_numpy(copy=True)
    usual = np.take_along_axis(norms, columns, axis=1)
    np.put_along_axis(values, columns, usual, axis=1)
    mended = rows.copy()
    mended[list(FEATURE_NAMES)] = values
    return mended


def _log_scores(pipeline: Pipeline, rows: pd.DataFrame) -> FloatArray:
    return np.asarray(np.log2(-pipeline.score_samples(rows)), dtype=np.float64)

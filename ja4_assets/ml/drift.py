"""How far a day's traffic is from the window that a model was trained on, feature by feature.

Two distances, because each is blind to something: the population stability index sums what moved between
the tenths of training and "unobserved", and sees a feature that stops being observed; Kolmogorov and
Smirnov's is the largest gap between the distribution functions of the observed values, and needs no tenths,
which a feature of two values does not have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
from scipy.stats import ks_2samp

from ja4_assets.features.catalogue import LABELS

FloatArray = npt.NDArray[np.float64]

REFERENCE_ROWS = 5_000
"""Training rows kept beside the model: the standard error of a distribution function is then 0.7 %."""

PSI_LARGE = 0.25
"""From here on a shift is called large; the convention of credit scoring (Siddiqi 2006)."""

MIN_ENTITY_HOURS = 300
"""With fewer, chance alone gives an index of 10/300, and rare values much more."""

PSI_FLOOR = 1e-4
"""Share that stands for an empty part, which would make the index infinite."""

MAX_UNSEEN_JA4_SHARE = 0.2

DRIFT_SCHEMA = {
    "feature": pl.String,
    "psi": pl.Float64,
    "ks": pl.Float64,
    "unseen_ja4_share": pl.Float64,
    "entity_hours": pl.UInt64,
}
"""One row a feature, and one with feature '' that holds `unseen_ja4_share` alone."""


@dataclass(frozen=True, slots=True)
class DriftReference:
    """What is kept of the training window to compare with."""

    features: tuple[str, ...]
    rows: FloatArray
    """Values in the mart's units, NaN where unobserved; shape (at most REFERENCE_ROWS, features)."""
    known_ja4: frozenset[str]
    """Stable JA4 of the training window."""


def population_stability_index(training: FloatArray, now: FloatArray) -> float:
    """Sum of (share now - share in training) * ln(now / training) over tenths of training and
    "unobserved"."""
    observed = training[~np.isnan(training)]
    edges = np.unique(np.quantile(observed, np.linspace(0.1, 0.9, 9))) if len(observed) else np.empty(0)
    expected, actual = _shares(training, edges), _shares(now, edges)
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def maybe_ks_distance(training: FloatArray, now: FloatArray) -> float | None:
    """Largest gap between the distribution functions of the observed values; None if one side has none."""
    one, other = training[~np.isnan(training)], now[~np.isnan(now)]
    if not len(one) or not len(other):
        return None
    return float(ks_2samp(one, other, method="asymp").statistic)


def measure_drift(reference: DriftReference, matrix: pd.DataFrame, ja4_stable: pl.Series) -> pl.DataFrame:
    """Rows of `DRIFT_SCHEMA` for entity hours given as model input and their JA4; empty without any."""
    if matrix.empty:
        return pl.DataFrame(schema=DRIFT_SCHEMA)
    rows: list[tuple[str, float | None, float | None, float | None, int]] = []
    for column, name in enumerate(reference.features):
        training, now = reference.rows[:, column], matrix[name].to_numpy(dtype=np.float64)
        psi = population_stability_index(training, now)
        rows.append((name, psi, maybe_ks_distance(training, now), None, len(matrix)))
    unseen = ~ja4_stable.is_in(list(reference.known_ja4))
    rows.append(("", None, None, float(unseen.sum()) / len(unseen), len(matrix)))
    return pl.DataFrame(rows, DRIFT_SCHEMA, orient="row")


def drift_faults(drift: pl.DataFrame) -> list[str]:
    """What an operator should know of a day's drift, a sentence each; none while there is too little
    traffic."""
    if drift.is_empty() or int(drift["entity_hours"][0]) < MIN_ENTITY_HOURS:
        return []
    faults = []
    moved = drift.filter(pl.col("psi") >= PSI_LARGE).sort("psi", descending=True)
    if not moved.is_empty():
        named = ", ".join(
            f"{LABELS.get(row['feature'], row['feature'])} ({row['psi']:.2f})"
            for row in moved.head(3).iter_rows(named=True)
        )
        faults.append(
            f"{moved.height} features moved far from training (PSI from {PSI_LARGE}), most: {named}."
        )
    unseen = drift.filter(pl.col("feature") == "")["unseen_ja4_share"].item()
    if unseen > MAX_UNSEEN_JA4_SHARE:
        faults.append(f"{unseen:.0%} of the entity hours have a JA4 that training never saw.")
    return faults


def _shares(values: FloatArray, edges: FloatArray) -> FloatArray:
    """Share of the values up to each edge, above the last, and unobserved; none below PSI_FLOOR."""
    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[~missing], side="left"), minlength=len(edges) + 1)
    shares = np.append(counts, missing.sum()) / max(1, len(values))
    return np.maximum(shares, PSI_FLOOR).astype(np.float64)

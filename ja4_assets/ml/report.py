"""What a reviewer wants to see of a model: the spread of its scores and of its inputs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
from matplotlib.figure import Figure

from ja4_assets.features.catalogue import FEATURE_NAMES, FEATURES
from ja4_assets.ml.explain import contributions
from ja4_assets.ml.forest import EntityForest, FloatArray

HISTOGRAM_BINS = 60
MAX_EXPLAINED_ROWS = 20_000
"""Rows whose contributions the summary averages; a bound on the time and memory of the report."""


def score_histogram(scores: FloatArray, threshold: float) -> Figure:
    """Histogram of the training scores on a logarithmic count axis, with the threshold marked."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    finite = scores[np.isfinite(scores)]
    axes.hist(finite, bins=HISTOGRAM_BINS, range=(0.0, 1.0), color="#4c78a8")
    axes.axvline(threshold, color="#e45756", label=f"threshold {threshold:.3f}")
    axes.set(yscale="log", xlabel="anomaly score", ylabel="entity hours")
    axes.set_title(f"Scores of {len(scores):,} training entity hours")
    axes.legend()
    return figure


def feature_summary(forest: EntityForest, matrix: pd.DataFrame, scores: FloatArray) -> pl.DataFrame:
    """One row per feature: share observed, quantiles, and what it adds to the scores of the alerts.

    Columns: feature, unit, observed_share, median, p95, p99, max, alert_contribution_bits (mean over
    the training rows above the threshold; null without any).
    """
    rows = []
    alerts = matrix[scores > forest.reference.threshold].head(MAX_EXPLAINED_ROWS)
    bits = contributions(forest.pipeline, alerts)[0].mean(axis=0) if len(alerts) else None
    for index, feature in enumerate(FEATURES):
        observed = matrix[feature.name].dropna().to_numpy()
        quantiles = np.quantile(observed, [0.5, 0.95, 0.99, 1.0]) if len(observed) else [None] * 4
        rows.append(
            {
                "feature": feature.name,
                "unit": feature.unit.value,
                "observed_share": len(observed) / max(1, len(matrix)),
                **dict(zip(("median", "p95", "p99", "max"), quantiles, strict=True)),
                "alert_contribution_bits": None if bits is None else float(bits[index]),
            }
        )
    numbers = ("observed_share", "median", "p95", "p99", "max", "alert_contribution_bits")
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(numbers, pl.Float64))


def feature_plot(summary: pl.DataFrame) -> Figure:
    """Bars beside each other per feature: share observed, and mean contribution to alerts in bits."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    observed, added = figure.subplots(1, 2, sharey=True)
    observed.barh(FEATURE_NAMES, summary["observed_share"], color="#4c78a8")
    observed.set(xlabel="share of entity hours where observed", xlim=(0, 1))
    observed.invert_yaxis()
    added.barh(FEATURE_NAMES, summary["alert_contribution_bits"].fill_null(0.0), color="#e45756")
    added.set(xlabel="mean contribution to alerts, bits")
    return figure

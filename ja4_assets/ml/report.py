"""What a reviewer wants to see of a model: its scores, its inputs, how it ranks, how it drifts, and its
card."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import polars as pl
from matplotlib.figure import Figure

from ja4_assets.evaluation.identities import by_identity
from ja4_assets.features.catalogue import FEATURES
from ja4_assets.ml.explain import contributions
from ja4_assets.ml.forest import EntityForest, FloatArray

HISTOGRAM_BINS = 60
MAX_EXPLAINED_ROWS = 20_000
"""Rows whose contributions the summary averages; a bound on the time and memory of the report."""

BLUE, RED, GREY = "#4c78a8", "#e45756", "#9d9d9d"


def score_histogram(scores: FloatArray, threshold: float) -> Figure:
    """Histogram of the training scores on a logarithmic count axis, with the threshold marked."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    finite = scores[np.isfinite(scores)]
    axes.hist(finite, bins=HISTOGRAM_BINS, range=(0.0, 1.0), color=BLUE)
    axes.axvline(threshold, color=RED, label=f"threshold {threshold:.3f}")
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
    """Bars beside each other per feature, most telling first: share observed, mean contribution to alerts."""
    ordered = summary.sort("alert_contribution_bits", descending=True, nulls_last=True)
    figure = Figure(figsize=(9, 11), layout="constrained")
    observed, added = figure.subplots(1, 2, sharey=True)
    observed.barh(ordered["feature"], ordered["observed_share"], color=BLUE)
    observed.set(xlabel="share of entity hours where observed", xlim=(0, 1))
    observed.invert_yaxis()
    added.barh(ordered["feature"], ordered["alert_contribution_bits"].fill_null(0.0), color=RED)
    added.set(xlabel="mean contribution to alerts, bits")
    return figure


def precision_recall_plot(scored: pl.DataFrame, truth: pl.DataFrame) -> Figure:
    """Precision over recall of the labelled identities, as `evaluation` counts them."""
    people = by_identity(scored, truth).sort("score", descending=True)
    is_bot = people["is_bot"].to_numpy().astype(np.float64)
    found = np.cumsum(is_bot)
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.step(found / max(1.0, is_bot.sum()), found / np.arange(1, len(is_bot) + 1), where="post", color=BLUE)
    axes.axhline(is_bot.mean(), color=GREY, linestyle="--", label=f"by chance {is_bot.mean():.2f}")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(f"{int(is_bot.sum())} bots, {int((1 - is_bot).sum())} people")
    axes.legend()
    return figure


def drift_plot(drift: pl.DataFrame) -> Figure:
    """Population stability index of the features that moved most since the training window began."""
    moved = drift.filter(pl.col("feature") != "").sort("psi", descending=True).head(20)
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots()
    axes.barh(moved["feature"], moved["psi"], color=BLUE)
    axes.axvline(0.25, color=RED, label="large")
    axes.invert_yaxis()
    axes.set(xlabel="PSI of the window's last day against all of it")
    axes.legend()
    return figure


def model_card(facts: Sequence[tuple[str, str]], figures: pl.DataFrame | None) -> str:
    """The model's card as Markdown: what it is, what it is for, what it cannot do, and how it was
    measured."""
    lines = [
        "# Entity forest",
        "",
        "Ranks entity hours (client address, stable JA4, host, hour) by how unlike the rest they are.",
        "",
        "| fact | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in facts),
        "",
        "## Use",
        "To order what an analyst looks at, beside rules. Being rare is no proof: block no client",
        "on this score alone. It knows nothing of entity hours with fewer than five requests.",
        "",
        "## Limits",
        "It learns what is common, so bots that make up most of the traffic of a host look usual there. Its",
        "window is the last days: a change of clients or sites shows as drift until it was trained again. It",
        "was never shown labels; they only choose between configurations and hold it against the champion.",
    ]
    if figures is not None:
        lines += [
            "",
            "## Labelled clients",
            "| slice | metric | value | 95 % interval | identities |",
            "|---|---|---|---|---|",
        ]
        lines += [_figure_line(row) for row in figures.iter_rows(named=True)]
    return "\n".join(lines) + "\n"


def _figure_line(row: dict[str, object]) -> str:
    interval = "" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
    return f"| {row['slice']} | {row['metric']} | {row['value']:.3f} | {interval} | {row['identities']} |"

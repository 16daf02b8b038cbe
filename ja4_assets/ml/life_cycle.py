"""From a training to a challenger: its checks against the champion, and the figures that are written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ja4_assets.evaluation.record import EVALUATION_COLUMNS
from ja4_assets.evaluation.record import evaluation_rows as rows_of_figures
from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.examine import examine_scores
from ja4_assets.ml.names import CHAMPION, MODEL_NAME, SCORES_VARY
from ja4_assets.ml.promotion import (
    CheckOutcome,
    check_fidelity,
    check_labelled,
    check_latency,
    check_ranks,
    check_slices,
    likeness,
)
from ja4_assets.ml.run_log import metrics
from ja4_assets.ml.scaling import model_matrix
from ja4_assets.ml.training import Candidate, TrainingData, maybe_figures

if TYPE_CHECKING:
    from ja4_assets.ml.registry import Registry

LABELLED, TRAINING, PROMISE = "labelled", "training", "promise"
"""Values of `model_evaluations.data_set` that trainings write."""

COMPARED_ROWS = 100_000
"""Rows of the window on which champion and challenger are held side by side."""


def examine(
    models: Registry, version: str, chosen: Candidate, figures: pl.DataFrame | None, data: TrainingData
) -> list[CheckOutcome]:
    """Every check of the version as it was logged, in the order in which they are shown."""
    logged, champion = models.load(version), models.maybe_alias(CHAMPION)
    window = model_matrix(data.training.head(COMPARED_ROWS))
    scores = examine_scores(logged.anomaly_scores(window))
    spread = {
        "rows": scores.rows,
        "distinct": scores.distinct,
        "lowest": scores.lowest,
        "highest": scores.highest,
    }
    outcomes = [CheckOutcome(SCORES_VARY, scores.is_passed, True, "; ".join(scores.faults), spread)]
    alike, before = None, None
    if champion is not None:
        old = models.load(champion)
        # A champion of another list of features cannot be asked about this window, and gives way.
        if old.reference.feature_names == FEATURE_NAMES:
            alike = likeness(old, logged, window)
            before = maybe_figures(old, data, rounds=0)
    return [
        *outcomes,
        check_labelled(before, figures, alike),
        check_slices(before, figures),
        check_latency(chosen.us_per_row),
        check_ranks(alike),
        check_fidelity(chosen.fidelity),
    ]


def may_shadow(outcomes: Sequence[CheckOutcome]) -> bool:
    """A version whose scores mean something may score beside the champion, whatever else it lacks."""
    return all(outcome.is_passed for outcome in outcomes if outcome.name == SCORES_VARY)


def evaluation_rows(
    version: str,
    chosen: Candidate,
    figures: pl.DataFrame | None,
    outcomes: Sequence[CheckOutcome],
    data: TrainingData,
    evaluated_at: datetime,
) -> pl.DataFrame:
    """Rows of `model_evaluations` of one training."""
    addresses = data.training["client_ip"].n_unique()
    found = {**metrics(chosen, data)}
    for outcome in outcomes:
        found |= {name: value for name, value in outcome.figures.items() if np.isfinite(value)}
    rows: list[dict[str, object]] = [
        _row(TRAINING, "", name, value, addresses) for name, value in sorted(found.items())
    ]
    rows += [
        _row(TRAINING, outcome.name, "is_passed", float(outcome.is_passed), addresses, outcome.words)
        for outcome in outcomes
    ]
    held_out = data.entities.filter(pl.Series(data.is_held_out))["client_ip"].n_unique()
    rows += [
        _row(PROMISE, name, "calibration_rows", float(len(scores)), held_out)
        for name, scores in chosen.forest.calibration.scores.items()
    ]
    written = pl.DataFrame(rows, schema_overrides={"low": pl.Float64, "high": pl.Float64}).with_columns(
        pl.lit(evaluated_at).dt.cast_time_unit("us").alias("evaluated_at"),
        pl.lit(MODEL_NAME).alias("model_name"),
        pl.lit(version).alias("model_version"),
        pl.col("identities").cast(pl.UInt32),
    )
    parts = [written.select(EVALUATION_COLUMNS)]
    if figures is not None:
        parts.append(
            rows_of_figures(
                figures,
                data_set=LABELLED,
                model_name=MODEL_NAME,
                model_version=version,
                evaluated_at=evaluated_at,
            ).select(EVALUATION_COLUMNS)
        )
    return pl.concat(parts)


def _row(
    data_set: str, part: str, metric: str, value: float, identities: int, note: str = ""
) -> dict[str, object]:
    return {
        "data_set": data_set,
        "slice": part,
        "metric": metric,
        "value": value,
        "low": None,
        "high": None,
        "identities": identities,
        "note": note,
    }

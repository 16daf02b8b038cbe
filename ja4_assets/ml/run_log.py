"""What one MLflow run holds of one configuration: parameters, metrics, plots, model card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import mlflow
import numpy as np
import polars as pl

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml import report
from ja4_assets.ml.drift import measure_drift
from ja4_assets.ml.forest import model_hash
from ja4_assets.ml.scaling import model_matrix
from ja4_assets.ml.training import Candidate, TrainingData

LAST_DAY_HOURS = 24


def log_candidate(candidate: Candidate, data: TrainingData, shared: Mapping[str, str], query: str) -> None:
    """Log a configuration to the run that is active: what it was made from, its metrics, how it ranks."""
    forest = candidate.forest
    mlflow.log_params({**asdict(candidate.configuration.settings), **shared})
    mlflow.log_param("configuration", candidate.configuration.name)
    mlflow.log_metrics(metrics(candidate, data))
    mlflow.set_tag("model_hash", model_hash(forest.pipeline))
    mlflow.log_text(query, "training_query.sql")
    mlflow.log_dict({"features": list(FEATURE_NAMES)}, "features.json")
    mlflow.log_figure(
        report.score_histogram(candidate.scores, forest.reference.threshold), "score_histogram.png"
    )
    if candidate.average_precision is not None:
        labelled = data.labelled
        scored = labelled.select("hour", "client_ip").with_columns(
            pl.Series("score", forest.anomaly_scores(model_matrix(labelled)))
        )
        mlflow.log_figure(report.precision_recall_plot(scored, data.truth), "precision_recall.png")


def log_chosen(
    candidate: Candidate, data: TrainingData, figures: pl.DataFrame | None, shared: Mapping[str, str]
) -> None:
    """Log what only the model that is registered gets: features, drift within its window, and its card."""
    forest, training = candidate.forest, data.training
    summary = report.feature_summary(forest, model_matrix(training), candidate.scores)
    mlflow.log_text(summary.write_csv(), "feature_summary.csv")
    mlflow.log_figure(report.feature_plot(summary), "top_features.png")
    if forest.drift is not None:
        last = training.filter(pl.col("hour") > pl.col("hour").max() - pl.duration(hours=LAST_DAY_HOURS))
        drift = measure_drift(forest.drift, model_matrix(last), last["ja4_stable"])
        mlflow.log_figure(report.drift_plot(drift), "drift.png")
    mlflow.log_text(report.model_card(_facts(candidate, data, shared), figures), "model_card.md")


def metrics(candidate: Candidate, data: TrainingData) -> dict[str, float]:
    """Figures of one configuration, finite ones only."""
    scores, calibration = candidate.scores, candidate.forest.calibration
    found = {
        "threshold": candidate.forest.reference.threshold,
        "alert_share": float((scores > candidate.forest.reference.threshold).mean()),
        "score_min": float(scores.min()),
        "score_median": float(np.median(scores)),
        "score_max": float(scores.max()),
        "training_rows": float(len(scores)),
        "labelled_clients": float(data.truth.height),
        "score_us_per_row": candidate.us_per_row,
        "fidelity_named_bits": candidate.fidelity.named_bits,
        "fidelity_random_bits": candidate.fidelity.random_bits,
        **{f"calibration_rows_{name}": float(len(rows)) for name, rows in calibration.scores.items()},
    }
    if candidate.average_precision is not None:
        found["average_precision"] = candidate.average_precision
    if calibration.contamination is not None:
        found["calibration_contamination"] = calibration.contamination
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _facts(candidate: Candidate, data: TrainingData, shared: Mapping[str, str]) -> list[tuple[str, str]]:
    settings = candidate.configuration.settings
    held_out = ", ".join(f"{name} {len(rows)}" for name, rows in candidate.forest.calibration.scores.items())
    return [
        ("configuration", f"{candidate.configuration.name}: {settings}"),
        ("window", f"{shared['window_start']} to {shared['window_end']}"),
        ("entity hours", f"{shared['entity_hours']} read, {shared['training_rows']} trained on"),
        ("sample", f"at most {shared['max_rows']}, by a hash of the key"),
        ("data version", shared["data_version"]),
        ("code version", shared["code_version"]),
        ("features", str(len(FEATURE_NAMES))),
        (
            "hosts' hours with a scale of their own",
            str(len(candidate.forest.pipeline.named_steps["scale"].cells_)),
        ),
        ("calibration", held_out or "none"),
        ("labelled clients", str(data.truth.height)),
    ]

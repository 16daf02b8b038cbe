"""The files beside a model's pipeline: what turns its scores into ranks, p-values and distances.

JSON for what people may want to read, a NumPy archive for arrays; neither can run code when it is loaded.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from ja4_assets.ml.conformal import Calibration
from ja4_assets.ml.drift import DriftReference
from ja4_assets.ml.forest import EntityForest, ScoreReference

REFERENCE_FILE = "score_reference.json"
WINDOW_FILE = "training_window.json"
ARRAYS_FILE = "held_out.npz"
ROWS = "drift_rows"
SCORES_OF = "scores_of_"


def write_beside(forest: EntityForest, folder: Path) -> list[str]:
    """Write the files and return their paths."""
    (folder / REFERENCE_FILE).write_text(json.dumps(asdict(forest.reference)))
    drift = forest.drift
    window = {
        "contamination": forest.calibration.contamination,
        "features": list(drift.features) if drift else [],
        "known_ja4": sorted(drift.known_ja4) if drift else [],
    }
    (folder / WINDOW_FILE).write_text(json.dumps(window))
    arrays: dict[str, Any] = {SCORES_OF + name: scores for name, scores in forest.calibration.scores.items()}
    if drift:
        arrays[ROWS] = drift.rows
    np.savez_compressed(folder / ARRAYS_FILE, **arrays)
    return [str(folder / name) for name in (REFERENCE_FILE, WINDOW_FILE, ARRAYS_FILE)]


def read_beside(pipeline: Pipeline, folder: Path) -> EntityForest:
    """The forest of a pipeline and the files in `folder`."""
    stored = json.loads((folder / REFERENCE_FILE).read_text())
    window = json.loads((folder / WINDOW_FILE).read_text())
    reference = ScoreReference(
        feature_names=tuple(stored["feature_names"]),
        quantiles=tuple(stored["quantiles"]),
        threshold=stored["threshold"],
        alert_quantile=stored["alert_quantile"],
    )
    with np.load(folder / ARRAYS_FILE, allow_pickle=False) as arrays:
        scores = {
            name.removeprefix(SCORES_OF): arrays[name] for name in arrays.files if name.startswith(SCORES_OF)
        }
        rows = arrays[ROWS] if ROWS in arrays.files else None
    drift = None
    if rows is not None:
        drift = DriftReference(tuple(window["features"]), rows, frozenset(window["known_ja4"]))
    return EntityForest(pipeline, reference, Calibration(scores, window["contamination"]), drift)

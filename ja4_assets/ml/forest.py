"""The Isolation Forest that ranks entity hours by how unlike the rest they are.

One scikit-learn Pipeline holds everything that is fitted: log1p on counts and robust scaling per host and
hour of the week (`ml.scaling`), the value that stands for "unobserved" together with indicators of it
(`ml.absence`), and the forest. Preprocessing is therefore fitted in training only and travels with the model.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.absence import DistinctAbsence
from ja4_assets.ml.conformal import Calibration
from ja4_assets.ml.drift import DriftReference
from ja4_assets.ml.scaling import MIN_CELL_ROWS, CellRobustScaler

FloatArray = npt.NDArray[np.float64]

MIN_TRAINING_ROWS = 50
"""Fewer entity hours cannot fill a quantile of 2 % with even one of them."""

REFERENCE_POINTS = 1001
"""Points of the training scores' quantile function kept beside the model: a rank's step is 0.1 %."""


class TooFewEntityHoursError(ValueError):
    """The training window holds too few entity hours for a threshold to mean anything."""


@dataclass(frozen=True, slots=True)
class ForestSettings:
    """What is chosen, not learned."""

    trees: int = 200
    samples_per_tree: int = 256
    """Rows each tree sees; 256 is the published default of Isolation Forest (Liu et al., 2008)."""
    min_cell_rows: int = MIN_CELL_ROWS
    """Rows from which a host's hour of the week has a scale of its own."""
    alert_quantile: float = 0.98
    """An entity hour is an alert when it is stranger than this share of the training window."""
    seed: int = 20_261_101


@dataclass(frozen=True, slots=True)
class ScoreReference:
    """What turns an anomaly score into a rank and an alert; stored inside the model's artifact."""

    feature_names: tuple[str, ...]
    quantiles: tuple[float, ...]
    """Training scores at `REFERENCE_POINTS` equidistant quantiles, ascending."""
    threshold: float
    """Training score at `alert_quantile`; a score above it is an alert."""
    alert_quantile: float

    def ranks(self, scores: FloatArray) -> FloatArray:
        """Share of the training scores that are at most each score, 0 to 1, in steps of 0.1 %."""
        positions = np.searchsorted(np.asarray(self.quantiles), scores, side="right")
        return positions.astype(np.float64) / len(self.quantiles)


@dataclass(frozen=True, slots=True)
class EntityForest:
    """A fitted pipeline with what its scores are read against."""

    pipeline: Pipeline
    reference: ScoreReference
    calibration: Calibration = field(default_factory=lambda: Calibration({}))
    """Without one there are no p-values, and no promise."""
    drift: DriftReference | None = None

    def anomaly_scores(self, matrix: pd.DataFrame) -> FloatArray:
        """2 ** -(mean path length / expected path length): 0 to 1, higher is stranger; one per row."""
        if matrix.empty:
            return np.empty(0, dtype=np.float64)
        return np.asarray(-self.pipeline.score_samples(matrix), dtype=np.float64)


def build_pipeline(settings: ForestSettings) -> Pipeline:
    """The unfitted pipeline, from the columns of `scaling.model_matrix` to a score.

    An unobserved value becomes 0 after scaling, which is the median, and its indicator becomes 1: the
    forest can isolate "unobserved" without mistaking it for an extreme value.
    """
    inputs = FeatureUnion(
        [
            (
                "unobserved_to_median",
                SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True),
            ),
            ("unobserved", DistinctAbsence()),
        ]
    )
    forest = IsolationForest(
        n_estimators=settings.trees,
        max_samples=settings.samples_per_tree,
        contamination=1.0 - settings.alert_quantile,
        random_state=settings.seed,
    )
    return Pipeline(
        [
            ("scale", CellRobustScaler(min_cell_rows=settings.min_cell_rows)),
            ("inputs", inputs),
            ("forest", forest),
        ]
    )


def train(matrix: pd.DataFrame, settings: ForestSettings) -> EntityForest:
    """Fit on rows in a fixed order (see `features.frame`); same rows and settings give the same forest.

    Raises TooFewEntityHoursError below `MIN_TRAINING_ROWS`.
    """
    if len(matrix) < MIN_TRAINING_ROWS:
        raise TooFewEntityHoursError(
            f"{len(matrix)} entity hours with enough requests in the training window; "
            f"at least {MIN_TRAINING_ROWS} are needed"
        )
    pipeline = build_pipeline(replace(settings, samples_per_tree=min(settings.samples_per_tree, len(matrix))))
    pipeline.fit(matrix)
    scores = -pipeline.score_samples(matrix)
    grid = np.quantile(scores, np.linspace(0.0, 1.0, REFERENCE_POINTS))
    reference = ScoreReference(
        feature_names=FEATURE_NAMES,
        quantiles=tuple(float(value) for value in grid),
        threshold=float(-pipeline.named_steps["forest"].offset_),
        alert_quantile=settings.alert_quantile,
    )
    return EntityForest(pipeline, reference)


def training_medians(pipeline: Pipeline) -> dict[str, float]:
    """The median of all training rows for each feature, in the mart's units; NaN if it was never observed."""
    scaler: CellRobustScaler = pipeline.named_steps["scale"]
    medians = scaler.in_units_of_the_mart(scaler.center_)
    return {name: float(median) for name, median in zip(scaler.features_, medians, strict=True)}


def model_hash(pipeline: Pipeline) -> str:
    """16 hex digits over every fitted number: equal for the same data, settings and library versions."""
    digest = hashlib.sha256()
    scaler: CellRobustScaler = pipeline.named_steps["scale"]
    forest: IsolationForest = pipeline.named_steps["forest"]
    fitted = (scaler.center_, scaler.scale_, scaler.cells_, scaler.cell_center_, scaler.cell_scale_)
    for array in (*fitted, np.asarray([forest.offset_])):
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    for estimator in forest.estimators_:
        tree = estimator.tree_
        for array in (tree.feature, tree.children_left, tree.children_right, tree.n_node_samples):
            digest.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
        digest.update(np.ascontiguousarray(tree.threshold, dtype="<f8").tobytes())
    return digest.hexdigest()[:16]

"""The review queue in the order that labels teach: the champion's scores, moved by what its trees find alike.

Unlabelled, an entity stands where its anomaly score puts it. A label says that an entity is a bot or is none,
and moves those that resemble it: two entities are as alike as the share of the trees in which they fall into
the same leaf (the random forest kernel; Davies and Ghahramani, 2014). With that kernel and the standing as
prior mean, the order is the mean of a Gaussian process given the labels (Rasmussen and Williams, 2006,
section 2.7); labels are wrong now and then, which is its noise. What no label resembles keeps its place.

The forest itself, its scores, thresholds and p-values stay as they are: this orders what a person looks at
and judges nothing. Active anomaly discovery (Das et al., 2017), ours and coniferest's, was left for it: that
finds the lab's bots after hardly fewer reads than no labels do (docs/explanation/campaigns.md has figures).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import solve
from scipy.sparse import csr_matrix, hstack
from sklearn.ensemble import IsolationForest

from ja4_assets.ml.forest import EntityForest, FloatArray

BoolArray = npt.NDArray[np.bool_]

TAUGHT = 3.0
"""Where a label puts an entity: in the units of `standing`."""

NOISE = 1.0
"""Variance of what a label says; that of what it speaks of is 1. Of 0.3 to 3, none is better on `lab-1`."""

MAX_LABELS = 5_000
"""Labelled entity hours that are learnt from: their kernel is 200 MB."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A forest's leaves with what labels taught about them."""

    forest: EntityForest
    moves: FloatArray
    """By how much each leaf moves who falls into it, one for each node of each tree in turn; 0 where no label
    spoke."""
    labels: int

    def review_scores(self, matrix: pd.DataFrame) -> FloatArray:
        """0 to 1, the highest to be reviewed first; 0.5 at the champion's alert threshold. One per row."""
        if matrix.empty:
            return np.empty(0, dtype=np.float64)
        moved = standing(self.forest, matrix) + np.asarray(leaves(self.forest, matrix) @ self.moves)
        alert = _standing_of(self.forest, np.array([self.forest.reference.threshold]))
        return np.asarray(1.0 / (1.0 + np.exp(alert - moved)), dtype=np.float64)


def learn(forest: EntityForest, matrix: pd.DataFrame, is_bot: BoolArray) -> Reviewed:
    """What labelled entity hours teach, one row of `matrix` each, `MAX_LABELS` at most.

    The same labels give the same moves. Raises ValueError above `MAX_LABELS`.
    """
    if len(matrix) > MAX_LABELS:
        raise ValueError(f"{len(matrix)} labelled entity hours; at most {MAX_LABELS} can be learnt from")
    if len(matrix) == 0:
        nodes = sum(tree.tree_.node_count for tree in _estimators(forest))
        return Reviewed(forest, np.zeros(nodes), 0)
    labelled = leaves(forest, matrix)
    kernel = np.asarray((labelled @ labelled.T).todense())
    surprise = np.where(is_bot, TAUGHT, -TAUGHT) - standing(forest, matrix)
    weights = solve(kernel + NOISE * np.eye(len(matrix)), surprise, assume_a="pos")
    return Reviewed(forest, np.asarray(labelled.T @ weights), len(matrix))


def leaves(forest: EntityForest, matrix: pd.DataFrame) -> csr_matrix:
    """In which leaves each row falls, shape (rows, nodes of all trees).

    A row times another is the share of the trees in which both fall into one leaf.
    """
    inputs = np.asarray(forest.pipeline[:-1].transform(matrix), dtype=np.float32)
    estimators, rows = _estimators(forest), np.arange(len(matrix))
    one = np.full(len(matrix), 1.0 / np.sqrt(len(estimators)))
    blocks = [
        csr_matrix(
            (one, (rows, estimator.apply(inputs, check_input=False))),
            shape=(len(matrix), estimator.tree_.node_count),
        )
        for estimator in estimators
    ]
    return csr_matrix(hstack(blocks))


def standing(forest: EntityForest, matrix: pd.DataFrame) -> FloatArray:
    """log2 of each row's anomaly score, in standard deviations of the training window from its median."""
    return _standing_of(forest, forest.anomaly_scores(matrix))


def _standing_of(forest: EntityForest, scores: FloatArray) -> FloatArray:
    trained = np.log2(forest.reference.quantiles)
    spread = float(trained.std())
    return np.asarray((np.log2(scores) - np.median(trained)) / (spread if spread > 0 else 1.0))


def _estimators(forest: EntityForest) -> list:  # type: ignore[type-arg]
    model: IsolationForest = forest.pipeline.named_steps["forest"]
    return list(model.estimators_)

"""The review queue in the order that labels teach: the champion's trees, their leaves weighted anew.

Method: active anomaly discovery on an isolation forest (Das et al., 2017). Unlabelled, an entity's score is
the mean over the trees of minus the depth at which each isolates it, each leaf with weight 1. Labels move
the weights of the leaves that labelled entities fall into: bots are to lie above the alert threshold,
people below. A penalty holds the weights near 1, so what no label speaks of keeps its place. Entities in
the same leaves as a labelled one move with it: that is how one label re-ranks many.

The forest itself, its scores, thresholds and p-values stay as they are: this orders what a person looks at,
it judges nothing. coniferest has this method too; it was left out because it brings ONNX and a cone solver
(300 MB) for one weighted sum, and ranks by a forest of its own instead of the champion's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._iforest import _average_path_length

from ja4_assets.ml.forest import EntityForest, FloatArray

BoolArray = npt.NDArray[np.bool_]

PULL = 0.02
"""Strength with which the weights are held at 1, against a mean loss of about 1 bit over the labels."""

SHARPNESS = 8.0
"""How fast the loss of a label grows with its distance from the threshold; scores differ by about 0.5
bits."""

MAX_LABELS = 5_000
"""Labelled entities that are learnt from, the newest first."""

MAX_ITERATIONS = 200


@dataclass(frozen=True, slots=True)
class Reweighted:
    """A forest's leaves with the weights that labels gave them."""

    forest: EntityForest
    weights: FloatArray
    """One for each node of each tree in turn, 1 where no label spoke."""
    labels: int

    def review_scores(self, matrix: pd.DataFrame) -> FloatArray:
        """0 to 1, the highest to be reviewed first; 0.5 at the champion's alert threshold. One per row."""
        if matrix.empty:
            return np.empty(0, dtype=np.float64)
        margin = np.asarray(leaf_bits(self.forest, matrix) @ self.weights) - threshold_bits(self.forest)
        return np.asarray(1.0 / (1.0 + np.exp(-SHARPNESS * margin)), dtype=np.float64)


def learn(forest: EntityForest, matrix: pd.DataFrame, is_bot: BoolArray) -> Reweighted:
    """Weights from labelled entities, one row of `matrix` each; without any, or of one kind only, those
    rows decide.

    Bots and people count the same in all, however many of each were labelled: analysts label what was
    suspected. The same labels give the same weights.
    """
    nodes = sum(tree.tree_.node_count for tree in _estimators(forest))
    weights = np.ones(nodes)
    if len(matrix) == 0:
        return Reweighted(forest, weights, 0)
    bits, threshold = leaf_bits(forest, matrix), threshold_bits(forest)
    side = np.where(is_bot, 1.0, -1.0)
    share = np.where(is_bot, 0.5 / max(1, is_bot.sum()), 0.5 / max(1, (~is_bot).sum()))
    touched = np.flatnonzero(np.asarray(np.abs(bits).sum(axis=0)).ravel() > 0)
    local = bits[:, touched]

    def loss(moved: FloatArray) -> tuple[float, FloatArray]:
        margins = SHARPNESS * side * (local @ (1.0 + moved) - threshold)
        # log(1 + exp(-margin)), without overflow.
        value = float((share * np.logaddexp(0.0, -margins)).sum() + 0.5 * PULL * (moved**2).sum())
        slope = -share * SHARPNESS * side / (1.0 + np.exp(np.clip(margins, -500, 500)))
        return value, np.asarray(local.T @ slope + PULL * moved)

    found = minimize(
        loss, np.zeros(len(touched)), jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS}
    )
    weights[touched] += found.x
    return Reweighted(forest, weights, len(matrix))


def leaf_bits(forest: EntityForest, matrix: pd.DataFrame) -> csr_matrix:
    """What each leaf adds to log2 of the anomaly score, shape (rows, nodes of all trees); a row sums to
    that log2."""
    inputs = np.asarray(forest.pipeline[:-1].transform(matrix), dtype=np.float32)
    model: IsolationForest = forest.pipeline.named_steps["forest"]
    unit = len(model.estimators_) * float(_average_path_length(np.array([model._max_samples]))[0])
    blocks = []
    for estimator in _estimators(forest):
        tree = estimator.tree_
        leaves = estimator.apply(inputs, check_input=False)
        depths = tree.compute_node_depths() - 1 + _average_path_length(tree.n_node_samples)
        blocks.append(
            csr_matrix(
                (-depths[leaves] / unit, (np.arange(len(leaves)), leaves)),
                shape=(len(leaves), tree.node_count),
            )
        )
    return csr_matrix(hstack(blocks))


def threshold_bits(forest: EntityForest) -> float:
    """log2 of the score above which the forest alerts."""
    return float(np.log2(forest.reference.threshold))


def _estimators(forest: EntityForest) -> list:  # type: ignore[type-arg]
    return list(forest.pipeline.named_steps["forest"].estimators_)

"""Which features made an entity hour strange: an exact account of its path lengths.

Method (path-depth attribution). A tree isolates a row after some number of splits; the forest's
score is 2 ** -(mean path length / c), c being the expected path length in a sample of the forest's
size. In each node the expected remaining length is known from the training rows below it. A split
moves the row into a child: the change of the expected total length is the split feature's doing.
Along a path the changes add up to (path length - expected length), nothing is left over, so per row

    log2(score) - log2(score of the average training row) = sum of the contributions, in bits

exactly; a test holds the two sides equal. The value of a feature and its "unobserved" indicator count
as one feature; an indicator that stands for several (`ml.absence`) is the first one's. The method credits
each split where it stands on the path, so it is additive but, unlike Shapley values, it does not average over
the orders in which features might have been asked; over 200 random trees that order is random too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._iforest import _average_path_length
from sklearn.pipeline import Pipeline
from sklearn.tree import ExtraTreeRegressor
from sklearn.tree._tree import Tree

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.forest import FloatArray
from ja4_assets.ml.scaling import CellRobustScaler

LEAF = -1


@dataclass(frozen=True, slots=True)
class Contribution:
    """One feature's part in one entity hour's score."""

    name: str
    value: float | None
    """As in the mart; None if unobserved."""
    norm: float | None
    """Median of its population in training: the row's host and hour of the week, or all rows where those are
    too few; None if it was never observed."""
    bits: float
    """log2 of the factor by which the feature raised the anomaly score; negative if it lowered it."""


def contributions(pipeline: Pipeline, matrix: pd.DataFrame) -> tuple[FloatArray, float]:
    """Contributions in bits, shape (rows, features) in catalogue order, and the base in bits.

    `base + contributions.sum(axis=1)` is log2 of the anomaly score of each row.
    """
    forest: IsolationForest = pipeline.named_steps["forest"]
    # The trees were fitted on 32-bit inputs and compare in 32 bits.
    scaled = pipeline.named_steps["scale"].transform(matrix)
    inputs = np.asarray(pipeline.named_steps["inputs"].transform(scaled), dtype=np.float32)
    # The forest sees every value, in the order of the catalogue, then every indicator.
    owner = np.tile(np.arange(len(FEATURE_NAMES)), 2)
    total = np.zeros((len(matrix), len(FEATURE_NAMES)))
    expected = 0.0
    for estimator in forest.estimators_:
        per_node, root_length = _node_contributions(estimator, owner)
        total += per_node[estimator.apply(inputs, check_input=False)]
        expected += root_length
    unit = len(forest.estimators_) * float(_average_path_length(np.array([forest._max_samples]))[0])
    return -total / unit, -expected / unit


def top_contributions(pipeline: Pipeline, matrix: pd.DataFrame, count: int) -> list[list[Contribution]]:
    """Per row the `count` features that raised its score most, strongest first; only those that raised it."""
    if matrix.empty:
        return []
    bits, _ = contributions(pipeline, matrix)
    norms = population_norms(pipeline, matrix)
    values = matrix[list(FEATURE_NAMES)].to_numpy()
    order = np.argsort(-bits, axis=1, kind="stable")[:, :count]
    return [
        [
            Contribution(
                name=FEATURE_NAMES[column],
                value=_maybe(values[row, column]),
                norm=_maybe(norms[row, column]),
                bits=float(bits[row, column]),
            )
            for column in order[row]
            if bits[row, column] > 0
        ]
        for row in range(len(matrix))
    ]


def population_norms(pipeline: Pipeline, matrix: pd.DataFrame) -> FloatArray:
    """What is usual for each row's host and hour of the week, in the mart's units; shape (rows, features)."""
    scaler: CellRobustScaler = pipeline.named_steps["scale"]
    center, _ = scaler.parameters_of(matrix)
    return np.broadcast_to(scaler.in_units_of_the_mart(center), (len(matrix), len(scaler.features_)))


def _node_contributions(
    estimator: ExtraTreeRegressor, owner: npt.NDArray[np.intp]
) -> tuple[FloatArray, float]:
    """Sum of the length changes from the root to each node, shape (nodes, features), and the root's expected
    length."""
    tree = estimator.tree_
    samples, remaining = tree.n_node_samples, _average_path_length(tree.n_node_samples)
    levels = _splits_by_depth(tree)
    for nodes in reversed(levels):
        left, right = tree.children_left[nodes], tree.children_right[nodes]
        below = samples[left] * remaining[left] + samples[right] * remaining[right]
        remaining[nodes] = 1.0 + below / samples[nodes]
    summed = np.zeros((tree.node_count, len(FEATURE_NAMES)))
    for nodes in levels:
        asked = owner[tree.feature[nodes]]
        for children in (tree.children_left[nodes], tree.children_right[nodes]):
            summed[children] = summed[nodes]
            summed[children, asked] += 1.0 + remaining[children] - remaining[nodes]
    return summed, float(remaining[0])


def _splits_by_depth(tree: Tree) -> list[npt.NDArray[np.intp]]:
    """The nodes that split, those of one depth together, the root first."""
    depths, splits = tree.compute_node_depths(), tree.children_left != LEAF
    return [np.flatnonzero(splits & (depths == depth)) for depth in np.unique(depths[splits])]


def _maybe(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

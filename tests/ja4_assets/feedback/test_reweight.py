"""What labels do to the order of the queue."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.feedback.labels import FEATURES_OF_LABELLED, KEYS_OF_LABELLED
from ja4_assets.feedback.reweight import leaf_bits, learn, threshold_bits
from ja4_assets.ml.forest import EntityForest, ForestSettings, train


def crowd(seed: int) -> pd.DataFrame:
    """400 ordinary rows, 20 strange in one way (rows 400 to 419), 20 strange in another (rows 420 to 439)."""
    dice = np.random.default_rng(seed)
    matrix = pd.DataFrame(dice.gamma(2.0, size=(440, len(FEATURE_NAMES))), columns=list(FEATURE_NAMES))
    matrix.loc[400:419, ["iat_cv", "burstiness", "mode_share"]] += 30.0
    matrix.loc[420:439, ["path_entropy", "uniq_path_ratio", "enum_score"]] += 30.0
    return matrix


@pytest.fixture(scope="module")
def forest() -> EntityForest:
    return train(crowd(1), ForestSettings(trees=60))


def test_the_leaves_add_up_to_the_score_of_the_forest(forest: EntityForest) -> None:
    matrix = crowd(2)
    summed = np.asarray(leaf_bits(forest, matrix).sum(axis=1)).ravel()
    assert np.allclose(summed, np.log2(forest.anomaly_scores(matrix)), atol=1e-9)


def test_without_labels_the_order_is_that_of_the_scores(forest: EntityForest) -> None:
    matrix = crowd(2)
    scores, reviewed = forest.anomaly_scores(matrix), learn(forest, matrix.head(0), np.array([], bool))
    ranked = reviewed.review_scores(matrix)
    assert reviewed.labels == 0
    assert np.array_equal(np.argsort(scores, kind="stable"), np.argsort(ranked, kind="stable"))
    assert np.array_equal(ranked > 0.5, np.log2(scores) > threshold_bits(forest)), "0.5 is the threshold"


def test_a_few_labels_part_the_one_kind_from_the_other(forest: EntityForest) -> None:
    seen, unseen = crowd(1), crowd(2)
    learnt = learn(forest, seen.loc[[400, 401, 402, 420, 421, 422]], np.array([True] * 3 + [False] * 3))
    ranked = learnt.review_scores(unseen)
    before = learn(forest, seen.head(0), np.array([], bool)).review_scores(unseen)

    def gap(scores: np.ndarray) -> float:
        return float(np.median(scores[400:420]) - np.median(scores[420:440]))

    assert gap(ranked) > gap(before)
    assert gap(ranked) > 0


def test_the_same_labels_give_the_same_order(forest: EntityForest) -> None:
    labelled, is_bot = crowd(1).loc[[400, 420]], np.array([True, False])
    once, again = learn(forest, labelled, is_bot), learn(forest, labelled, is_bot)
    assert np.array_equal(once.weights, again.weights)


def test_the_features_of_labelled_entities_are_asked_for_by_the_model_s_own_query() -> None:
    assert KEYS_OF_LABELLED in FEATURES_OF_LABELLED
    assert "entity.is_sufficient" in FEATURES_OF_LABELLED

"""What labels do to the order of the queue."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.feedback.labels import FEATURES_OF_LABELLED, KEYS_OF_LABELLED
from ja4_assets.feedback.review_order import MAX_LABELS, NOISE, TAUGHT, learn, leaves, standing
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


def test_a_row_is_wholly_like_itself_and_as_like_another_as_leaves_are_shared(forest: EntityForest) -> None:
    matrix = crowd(2).head(5)
    inputs = forest.pipeline[:-1].transform(matrix).astype(np.float32)
    trees = forest.pipeline.named_steps["forest"].estimators_
    fallen = np.array([tree.apply(inputs) for tree in trees])
    shared = (fallen[:, :, None] == fallen[:, None, :]).mean(axis=0)
    found = leaves(forest, matrix)
    assert np.allclose((found @ found.T).todense(), shared)
    assert np.allclose(np.diag(shared), 1.0)


def test_one_label_moves_a_twin_by_the_share_that_the_noise_leaves(forest: EntityForest) -> None:
    """By hand: the posterior mean at the labelled point is prior + (label - prior) / (1 + noise)."""
    row = crowd(1).loc[[400]]
    learnt = learn(forest, row, np.array([True]))
    moved = standing(forest, row) + leaves(forest, row) @ learnt.moves
    prior = standing(forest, row)[0]
    assert moved[0] == pytest.approx(prior + (TAUGHT - prior) / (1.0 + NOISE))


def test_more_labels_than_can_be_learnt_from_are_refused(forest: EntityForest) -> None:
    row = crowd(1).loc[[400] * (MAX_LABELS + 1)]
    with pytest.raises(ValueError, match="at most"):
        learn(forest, row, np.ones(len(row), bool))


def test_without_labels_the_order_is_that_of_the_scores(forest: EntityForest) -> None:
    matrix = crowd(2)
    scores, reviewed = forest.anomaly_scores(matrix), learn(forest, matrix.head(0), np.array([], bool))
    ranked = reviewed.review_scores(matrix)
    assert reviewed.labels == 0
    assert np.array_equal(np.argsort(scores, kind="stable"), np.argsort(ranked, kind="stable"))
    assert np.array_equal(ranked > 0.5, scores > forest.reference.threshold), "0.5 is the threshold"


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
    assert np.array_equal(once.moves, again.moves)


def test_the_features_of_labelled_entities_are_asked_for_by_the_model_s_own_query() -> None:
    assert KEYS_OF_LABELLED in FEATURES_OF_LABELLED
    assert "entity.is_sufficient" in FEATURES_OF_LABELLED

"""The forest ranks planted outliers first, keeps "unobserved" apart, and is the same twice."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.explain import contributions, top_contributions
from ja4_assets.ml.forest import (
    MIN_TRAINING_ROWS,
    EntityForest,
    ForestSettings,
    TooFewEntityHoursError,
    model_hash,
    train,
    training_medians,
)

SETTINGS = ForestSettings(trees=60, samples_per_tree=128)


def crowd(rows: int = 600, seed: int = 3) -> pd.DataFrame:
    """Entity hours of ordinary browsers: small surprises, few contradictions, some values unobserved."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(0.0, index=range(rows), columns=list(FEATURE_NAMES))
    for name in ("ua_ja4_bits", "hdr_order_bits", "resumption_ratio"):
        frame[name] = rng.gamma(2.0, 0.3, rows)
    for name in ("secfetch_missing", "sni_host_mismatch", "hdr_required_missing"):
        frame[name] = np.where(rng.random(rows) < 0.03, rng.random(rows), 0.0)
    frame["ja4_per_ip"] = rng.integers(1, 4, rows).astype(float)
    frame["hdr_orders"] = rng.integers(1, 6, rows).astype(float)
    frame["ja4_exact_per_stable"] = 1.0 + rng.random(rows)
    frame.loc[rng.random(rows) < 0.3, "pq_missing"] = np.nan
    return frame


@pytest.fixture(scope="module")
def forest() -> EntityForest:
    return train(crowd(), SETTINGS)


def test_a_planted_contradiction_scores_above_the_threshold(forest: EntityForest) -> None:
    odd = crowd(1, seed=9)
    odd[["ua_ja4_bits", "hdr_orders", "secfetch_missing"]] = [12.0, 60.0, 1.0]
    assert forest.anomaly_scores(odd)[0] > forest.reference.threshold


def test_scores_lie_between_0_and_1_and_follow_the_published_formula(forest: EntityForest) -> None:
    rows = crowd(50, seed=4)
    scores = forest.anomaly_scores(rows)
    assert ((scores > 0) & (scores < 1)).all()
    # Liu et al. 2008: a row at the average path length scores exactly 0.5.
    assert scores.min() < 0.5


def test_share_of_training_rows_above_the_threshold_is_the_stated_one(forest: EntityForest) -> None:
    scores = forest.anomaly_scores(crowd())
    assert (scores > forest.reference.threshold).mean() == pytest.approx(0.02, abs=0.005)


def test_rank_of_a_score_is_its_share_of_training_scores(forest: EntityForest) -> None:
    scores = forest.anomaly_scores(crowd())
    exact = np.array([(scores <= score).mean() for score in scores])
    assert np.abs(forest.reference.ranks(scores) - exact).max() <= 0.003
    assert forest.reference.ranks(np.array([0.0, 1.0])).tolist() == [0.0, 1.0]


def test_same_rows_and_seed_give_the_same_model_and_another_seed_another() -> None:
    rows = crowd(200)
    first, second = train(rows, SETTINGS), train(rows.copy(), SETTINGS)
    assert model_hash(first.pipeline) == model_hash(second.pipeline)
    assert np.array_equal(first.anomaly_scores(rows), second.anomaly_scores(rows))
    other = train(rows, ForestSettings(trees=60, samples_per_tree=128, seed=1))
    assert model_hash(other.pipeline) != model_hash(first.pipeline)


def test_unobserved_is_not_the_same_as_the_median(forest: EntityForest) -> None:
    medians = training_medians(forest.pipeline)
    usual = pd.DataFrame([medians])[list(FEATURE_NAMES)]
    unobserved = usual.assign(pq_missing=np.nan)
    inputs = forest.pipeline[:-1]
    difference = inputs.transform(unobserved)[0] - inputs.transform(usual)[0]
    assert np.count_nonzero(difference) == 1
    assert difference.max() == 1.0


def test_a_feature_nobody_observed_in_training_is_accepted_when_scoring() -> None:
    blind = train(crowd().assign(h2fp_ua_bits=np.nan), SETTINGS)
    scores = blind.anomaly_scores(crowd(20, seed=5))
    assert np.isfinite(scores).all()


def test_medians_are_in_the_units_of_the_mart(forest: EntityForest) -> None:
    rows = crowd()
    medians = training_medians(forest.pipeline)
    for name in ("hdr_orders", "ua_ja4_bits", "pq_missing"):
        assert medians[name] == pytest.approx(rows[name].median())


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(TooFewEntityHoursError, match=f"at least {MIN_TRAINING_ROWS}"):
        train(crowd(MIN_TRAINING_ROWS - 1), SETTINGS)


def test_contributions_add_up_to_the_logarithm_of_the_score(forest: EntityForest) -> None:
    rows = crowd(40, seed=6)
    rows.loc[3, "hdr_order_bits"] = 15.0
    rows.loc[4, "sni_host_mismatch"] = np.nan
    bits, base = contributions(forest.pipeline, rows)
    assert bits.shape == (40, len(FEATURE_NAMES))
    assert base + bits.sum(axis=1) == pytest.approx(np.log2(forest.anomaly_scores(rows)), abs=1e-9)


def test_the_planted_feature_is_named_with_its_value_and_norm(forest: EntityForest) -> None:
    rows = pd.DataFrame([training_medians(forest.pipeline)]).assign(hdr_orders=80.0)
    (top,) = top_contributions(forest.pipeline, rows, count=3)
    assert top[0].name == "hdr_orders"
    assert top[0].value == 80.0
    assert top[0].norm == pytest.approx(crowd()["hdr_orders"].median())
    assert top[0].bits > 0
    assert [c.bits for c in top] == sorted((c.bits for c in top), reverse=True)


def test_removing_the_named_feature_lowers_the_score(forest: EntityForest) -> None:
    rows = crowd(1, seed=8).assign(ua_ja4_bits=14.0)
    (top,) = top_contributions(forest.pipeline, rows, count=1)
    norm = top[0].norm
    assert norm is not None
    assert not math.isnan(norm)
    mended = rows.assign(**{top[0].name: norm})
    assert forest.anomaly_scores(mended)[0] < forest.anomaly_scores(rows)[0]


def test_no_rows_give_no_scores_and_no_explanations(forest: EntityForest) -> None:
    nothing = crowd().iloc[:0]
    assert len(forest.anomaly_scores(nothing)) == 0
    assert top_contributions(forest.pipeline, nothing, count=3) == []

"""Drift is measured as the textbooks define it, and said when it is large."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import ks_2samp

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.drift import (
    DriftReference,
    drift_faults,
    maybe_ks_distance,
    measure_drift,
    population_stability_index,
)

RNG = np.random.default_rng(4)
ROWS = RNG.gamma(2.0, 1.0, (2000, len(FEATURE_NAMES)))
REFERENCE = DriftReference(FEATURE_NAMES, ROWS, frozenset({"t13a", "t13b"}))


def matrix(rows: np.ndarray) -> pd.DataFrame:  # type: ignore[type-arg]
    return pd.DataFrame(rows, columns=list(FEATURE_NAMES))


def test_psi_of_two_known_distributions_is_the_hand_computed_sum() -> None:
    # Half zeros and half ones against nine tenths zeros: two parts, and nothing unobserved on either side.
    training = np.repeat([0.0, 1.0], 500)
    now = np.repeat([0.0, 1.0], [900, 100])
    expected = (0.9 - 0.5) * math.log(0.9 / 0.5) + (0.1 - 0.5) * math.log(0.1 / 0.5)
    assert population_stability_index(training, now) == pytest.approx(expected)


def test_a_feature_that_is_no_longer_observed_is_drift() -> None:
    training = RNG.normal(size=1000)
    assert population_stability_index(training, training) == 0.0
    assert population_stability_index(training, np.where(RNG.random(1000) < 0.5, np.nan, training)) > 0.25
    assert maybe_ks_distance(training, np.full(10, np.nan)) is None


def test_ks_is_scipy_s_over_the_observed_values() -> None:
    one, other = RNG.normal(size=500), RNG.normal(0.5, size=400)
    with_gaps = np.concatenate([other, [np.nan, np.nan]])
    assert maybe_ks_distance(one, with_gaps) == pytest.approx(ks_2samp(one, other).statistic)


def test_the_same_traffic_is_no_drift_and_unseen_fingerprints_are_counted() -> None:
    drift = measure_drift(REFERENCE, matrix(ROWS[::2]), pl.Series(["t13a", "t13b"] * 500))
    assert drift.height == len(FEATURE_NAMES) + 1
    assert drift_faults(drift) == []
    strange = measure_drift(REFERENCE, matrix(ROWS[:1000]), pl.Series(["t13a", "new"] * 500))
    assert strange.filter(pl.col("feature") == "")["unseen_ja4_share"].item() == 0.5
    assert "50% of the entity hours have a JA4 that training never saw" in drift_faults(strange)[0]


def test_features_that_moved_are_named_the_farthest_first() -> None:
    moved = ROWS[:1000].copy()
    moved[:, FEATURE_NAMES.index("hdr_orders")] += 3.0
    (words,) = drift_faults(measure_drift(REFERENCE, matrix(moved), pl.Series(["t13a"] * 1000)))
    assert "1 features moved far from training" in words
    assert "different header orders" in words


def test_little_traffic_is_no_ground_for_an_alarm() -> None:
    drift = measure_drift(REFERENCE, matrix(ROWS[:20] + 50.0), pl.Series(["new"] * 20))
    assert drift_faults(drift) == []
    assert measure_drift(REFERENCE, matrix(ROWS[:0]), pl.Series([], dtype=pl.String)).is_empty()

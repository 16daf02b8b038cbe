"""Explanations name what SHAP names, and what they name is what makes the score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shap

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.explain import contributions, top_contributions
from ja4_assets.ml.fidelity import measure_fidelity
from ja4_assets.ml.forest import EntityForest, ForestSettings, train
from ja4_assets.ml.scaling import CELL

SETTINGS = ForestSettings(trees=100, samples_per_tree=128, min_cell_rows=100)
ALERTS = 60
VARIED = (
    *("ua_ja4_bits", "h2fp_ua_bits", "hdr_order_bits", "hdr_orders", "ja4_per_ip", "iat_cv"),
    *("reqs_per_conn", "path_entropy", "asset_ratio", "err4xx_ratio", "conc_max", "uniq_path_ratio"),
)
"""The others are 0 for everybody, as contradictions are among people."""


def crowd(rows: int = 1500, seed: int = 3) -> pd.DataFrame:
    """Ordinary entity hours of two hosts; the second has three times as many header orders."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(0.0, index=range(rows), columns=list(FEATURE_NAMES))
    frame[list(VARIED)] = rng.gamma(2.0, 1.0, (rows, len(VARIED)))
    frame[CELL] = np.arange(rows) % 2 + 1.0
    frame["hdr_orders"] = np.where(frame[CELL] == 2.0, 30.0, 3.0) + rng.random(rows)
    return frame


@pytest.fixture(scope="module")
def forest() -> EntityForest:
    return train(crowd(), SETTINGS)


@pytest.fixture(scope="module")
def alerts() -> tuple[pd.DataFrame, list[set[str]]]:
    """Ordinary rows with one to three features far out, and which those are."""
    rng = np.random.default_rng(8)
    rows, planted = crowd(ALERTS, seed=9), []
    for place in range(ALERTS):
        names = rng.choice(VARIED, rng.integers(1, 4), replace=False)
        rows.loc[place, list(names)] = 400.0
        planted.append(set(names))
    return rows, planted


def shapley_bits(forest: EntityForest, rows: pd.DataFrame) -> np.ndarray:  # type: ignore[type-arg]
    """SHAP's account of the path length, a feature's value and indicator together; higher is stranger."""
    inputs = forest.pipeline[:-1].transform(rows)
    values = shap.TreeExplainer(forest.pipeline.named_steps["forest"]).shap_values(inputs)
    count = len(FEATURE_NAMES)
    return np.asarray(-(values[:, :count] + values[:, count:]))


def test_the_features_named_first_are_those_that_shap_s_tree_explainer_names_first(
    forest: EntityForest, alerts: tuple[pd.DataFrame, list[set[str]]]
) -> None:
    rows, _ = alerts
    ours, _ = contributions(forest.pipeline, rows)
    theirs = shapley_bits(forest, rows)
    same_first = np.argmax(ours, axis=1) == np.argmax(theirs, axis=1)
    shared = [
        len(set(np.argsort(-one)[:3]) & set(np.argsort(-other)[:3])) / 3
        for one, other in zip(ours, theirs, strict=True)
    ]
    alike = [np.corrcoef(one, other)[0, 1] for one, other in zip(ours, theirs, strict=True)]
    assert same_first.mean() >= 0.8
    assert np.mean(shared) >= 0.6
    assert np.median(alike) >= 0.9


def test_differences_between_rows_add_up_to_the_same_in_both_accounts(
    forest: EntityForest, alerts: tuple[pd.DataFrame, list[set[str]]]
) -> None:
    rows, _ = alerts
    ours = contributions(forest.pipeline, rows)[0].sum(axis=1)
    theirs = shapley_bits(forest, rows).sum(axis=1)
    # Both sums are the path length up to a constant and a unit.
    assert np.corrcoef(ours, theirs)[0, 1] > 0.999


def test_what_was_planted_is_what_is_named(
    forest: EntityForest, alerts: tuple[pd.DataFrame, list[set[str]]]
) -> None:
    rows, planted = alerts
    named = [{c.name for c in top} for top in top_contributions(forest.pipeline, rows, 3)]
    found = sum(len(one & other) for one, other in zip(named, planted, strict=True))
    assert found / sum(map(len, planted)) >= 0.9


def test_the_norm_beside_a_value_is_that_of_its_own_host_and_hour(forest: EntityForest) -> None:
    rows = crowd(2, seed=12)
    rows["hdr_orders"] = 900.0
    norms = [
        next(c.norm for c in top if c.name == "hdr_orders")
        for top in top_contributions(forest.pipeline, rows, 3)
    ]
    usual = crowd().groupby(CELL)["hdr_orders"].median()
    assert norms == pytest.approx([usual[1.0], usual[2.0]], abs=0.01)


def test_taking_the_named_features_away_lowers_scores_more_than_taking_others(
    forest: EntityForest, alerts: tuple[pd.DataFrame, list[set[str]]]
) -> None:
    fidelity = measure_fidelity(forest.pipeline, alerts[0], seed=1)
    assert fidelity.rows == ALERTS
    assert fidelity.is_faithful
    assert fidelity.named_bits > 5 * abs(fidelity.random_bits)
    assert measure_fidelity(forest.pipeline, alerts[0], seed=1) == fidelity


def test_nothing_to_explain_has_no_fidelity(forest: EntityForest) -> None:
    assert measure_fidelity(forest.pipeline, crowd().head(0), seed=1).rows == 0

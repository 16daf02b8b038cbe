"""A challenger takes over only if nobody is worse off, and the check that stops it says why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ja4_assets.evaluation.evaluate import AVERAGE_PRECISION, FALSE_ALARMS, FIGURES_SCHEMA
from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.fidelity import Fidelity
from ja4_assets.ml.forest import EntityForest, ForestSettings, ScoreReference, train
from ja4_assets.ml.promotion import (
    Likeness,
    check_fidelity,
    check_labelled,
    check_latency,
    check_ranks,
    check_slices,
    likeness,
)

SETTINGS = ForestSettings(trees=20, samples_per_tree=64)
ALIKE = Likeness(0.95, 1.1)
UNLIKE = Likeness(0.2, 1.0)


def figures(precision: float, **false_alarms: float) -> pl.DataFrame:
    rows = [("all", AVERAGE_PRECISION, precision, None, None, 40, "")]
    rows += [
        (f"tier:{tier}", f"{FALSE_ALARMS}_at_fpr_0.01", share, None, None, 100, "")
        for tier, share in false_alarms.items()
    ]
    return pl.DataFrame(rows, FIGURES_SCHEMA, orient="row")


def rows(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    # Some rows are stranger than others in every feature, or two forests would have nothing to agree on.
    strangeness = rng.gamma(0.5, 1.0, (200, 1))
    return pd.DataFrame(
        strangeness * rng.gamma(1.0, 1.0, (200, len(FEATURE_NAMES))), columns=list(FEATURE_NAMES)
    )


@pytest.fixture(scope="module")
def forest() -> EntityForest:
    return train(rows(), SETTINGS)


def test_the_first_model_needs_no_comparison() -> None:
    assert check_labelled(None, figures(0.5), None).is_passed
    assert check_slices(None, figures(0.5)).is_passed
    assert check_ranks(None).is_passed


@pytest.mark.parametrize(("after", "is_passed"), [(0.95, True), (0.9, True), (0.895, True), (0.8, False)])
def test_better_or_equal_on_labelled_clients_passes_whatever_the_ranks(after: float, is_passed: bool) -> None:
    outcome = check_labelled(figures(0.9), figures(after), UNLIKE)
    assert outcome.is_passed is is_passed
    assert outcome.is_blocking
    assert f"{after:.3f}" in outcome.words


def test_without_labelled_clients_only_a_like_model_takes_over() -> None:
    assert check_labelled(None, None, ALIKE).is_passed
    assert not check_labelled(None, None, UNLIKE).is_passed
    assert not check_labelled(None, None, Likeness(0.99, 5.0)).is_passed
    assert not check_labelled(None, None, Likeness(float("nan"), 1.0)).is_passed


def test_a_group_of_people_with_more_false_alarms_stops_it_by_name() -> None:
    outcome = check_slices(
        figures(0.9, mobile=0.01, returning=0.01), figures(0.99, mobile=0.08, returning=0.0)
    )
    assert not outcome.is_passed
    assert "tier:mobile 8.0%, before 1.0%" in outcome.words
    assert "returning" not in outcome.words


def test_one_person_more_is_chance() -> None:
    assert check_slices(figures(0.9, mobile=0.01), figures(0.9, mobile=0.02)).is_passed


def test_a_slow_model_is_stopped() -> None:
    assert check_latency(12.0).is_passed
    assert not check_latency(90.0).is_passed


def test_ranks_and_explanations_are_reported_and_do_not_stop_it() -> None:
    assert not check_ranks(UNLIKE).is_passed
    assert not check_ranks(UNLIKE).is_blocking
    unfaithful = check_fidelity(Fidelity(10, 0.01, 0.05))
    assert (unfaithful.is_passed, unfaithful.is_blocking) == (False, False)
    assert check_fidelity(Fidelity(10, 0.1, 0.01)).is_passed


def test_a_forest_is_like_itself_and_unlike_one_that_finds_the_others_strange(forest: EntityForest) -> None:
    same = likeness(forest, forest, rows())
    assert same.rank_correlation == pytest.approx(1.0)
    assert same.alert_ratio == 1.0
    turned = rows()
    assert not likeness(forest, train((turned.max() - turned) * 50.0, SETTINGS), rows()).is_close


def test_a_forest_that_shouts_is_not_close(forest: EntityForest) -> None:
    reference = ScoreReference(FEATURE_NAMES, forest.reference.quantiles, 0.0, 0.98)
    assert likeness(forest, EntityForest(forest.pipeline, reference), rows()).alert_ratio > 2

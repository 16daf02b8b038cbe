"""Measures of a ranking, against scikit-learn and against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_curve

from ja4_assets.evaluation.ranking import NEVER, Ranking

BOTS = [0.9, 0.6, 0.3]
PEOPLE = [0.8, 0.2, 0.1, 0.1]


def ranking(bots: list[float], people: list[float]) -> Ranking:
    is_bot = np.array([True] * len(bots) + [False] * len(people))
    return Ranking.of(np.array(bots + people), is_bot)


def test_average_precision_by_hand() -> None:
    # Bots stand at ranks 1, 3 and 4: precision 1/1, 2/3, 3/4.
    found = ranking(BOTS, PEOPLE).average_precision(np.ones(7))
    assert found == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


@pytest.mark.parametrize(("rate", "recall"), [(0.0, 1 / 3), (0.2, 1 / 3), (0.25, 1.0), (0.5, 1.0)])
def test_no_more_people_are_flagged_than_the_rate_allows(rate: float, recall: float) -> None:
    found = ranking(BOTS, PEOPLE)
    cut = found.cut_at(rate, np.ones(7))
    assert found.share_flagged(cut, np.array([1.0, 1, 1, 0, 0, 0, 0])) == pytest.approx(recall)


def test_equal_scores_are_flagged_together_or_not_at_all() -> None:
    # The bot at 0.5 cannot be had without the two people at 0.5.
    found = ranking([0.9, 0.5], [0.5, 0.5, 0.1])
    bots = np.array([1.0, 1, 0, 0, 0])
    assert found.share_flagged(found.cut_at(0.4, np.ones(5)), bots) == pytest.approx(0.5)
    assert found.share_flagged(found.cut_at(0.7, np.ones(5)), bots) == pytest.approx(1.0)


def test_an_identity_without_a_score_is_never_flagged() -> None:
    found = ranking([0.9, NEVER], [NEVER, NEVER])
    cut = found.cut_at(1.0, np.ones(4))
    assert found.threshold(int(cut)) == pytest.approx(0.9)
    assert found.share_flagged(cut, np.array([1.0, 1, 0, 0])) == pytest.approx(0.5)


def test_nothing_is_flagged_where_a_person_ranks_first() -> None:
    found = ranking([0.5], [0.9])
    cut = found.cut_at(0.0, np.ones(2))
    assert int(cut) == -1
    assert found.threshold(-1) == float("inf")
    assert found.share_flagged(cut, np.array([1.0, 0])) == 0.0


def test_weights_are_copies_of_an_identity() -> None:
    rng = np.random.default_rng(1)
    scores, is_bot = rng.integers(0, 12, 60) / 12, rng.random(60) < 0.3
    weights = rng.integers(0, 4, 60)
    weighted = Ranking.of(scores, is_bot).average_precision(weights.astype(float))
    copied = Ranking.of(np.repeat(scores, weights), np.repeat(is_bot, weights))
    assert weighted == pytest.approx(copied.average_precision(np.ones(int(weights.sum()))))


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, is_bot = rng.integers(0, 30, 300) / 30, rng.random(300) < 0.2
    found = Ranking.of(scores, is_bot)
    assert found.average_precision(np.ones(300)) == pytest.approx(average_precision_score(is_bot, scores))
    false_share, recall, _ = roc_curve(is_bot, scores, drop_intermediate=False)
    for rate in (0.01, 0.1, 0.3):
        mine = found.share_flagged(found.cut_at(rate, np.ones(300)), is_bot.astype(float))
        assert mine == pytest.approx(recall[false_share <= rate + 1e-9].max())


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        ranking([float("nan")], [0.5])

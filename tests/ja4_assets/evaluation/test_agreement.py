"""Champion and challenger on the same entity hours."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ja4_assets.evaluation.agreement import FEWEST, maybe_agreement


def scores(champion: np.ndarray, challenger: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({"champion": champion, "challenger": challenger})


def test_the_same_order_agrees_whatever_the_scale() -> None:
    ours = np.linspace(0.3, 0.8, 400)
    found = maybe_agreement(scores(ours, ours**3))
    assert found is not None
    assert (found.entity_hours, found.top_overlap) == (400, 1.0)
    assert found.rank_correlation == pytest.approx(1.0)


def test_one_of_the_four_strangest_is_another() -> None:
    # 400 rows, 1 % of them are 4: the challenger puts the least strange first, and so the fourth goes.
    ours = np.linspace(0.0, 0.9, 400)
    theirs = ours.copy()
    theirs[0] = 1.0
    found = maybe_agreement(scores(ours, theirs))
    assert found is not None
    assert found.top_overlap == 0.75
    # Spearman's rho without ties is 1 - 6 sum(d^2) / (n^3 - n): one moves by 399 ranks, the others by 1.
    assert found.rank_correlation == pytest.approx(1 - 6 * (399**2 + 399) / (400**3 - 400))


def test_the_opposite_order_is_minus_one() -> None:
    ours = np.linspace(0.0, 1.0, 200)
    found = maybe_agreement(scores(ours, -ours))
    assert found is not None
    assert found.rank_correlation == pytest.approx(-1.0)
    assert found.top_overlap == 0.0


def test_too_few_say_nothing() -> None:
    assert maybe_agreement(scores(np.arange(FEWEST - 1.0), np.arange(FEWEST - 1.0))) is None

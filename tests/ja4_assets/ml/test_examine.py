"""A model whose scores are constant, missing or impossible is refused, and the fault is named."""

from __future__ import annotations

import numpy as np
import pytest

from ja4_assets.ml.examine import examine_scores


@pytest.mark.parametrize(
    ("scores", "fault"),
    [
        ([], "no scores"),
        ([0.4, np.nan, 0.6], "1 of 3 scores are NaN"),
        ([0.4, np.inf], "NaN or infinite"),
        ([0.5] * 100, "constant"),
        ([0.5, 0.5 + 1e-9], "constant"),
        ([0.4, 1.2], "outside 0 to 1"),
        ([-0.1, 0.9], "outside 0 to 1"),
        ([np.nan] * 5, "5 of 5"),
    ],
)
def test_bad_scores_are_refused_and_named(scores: list[float], fault: str) -> None:
    examination = examine_scores(np.array(scores, dtype=float))
    assert not examination.is_passed
    assert fault in "; ".join(examination.faults)


def test_varied_scores_pass() -> None:
    examination = examine_scores(np.array([0.31, 0.42, 0.77]))
    assert examination.is_passed
    assert (examination.rows, examination.distinct) == (3, 3)

"""One indicator for each reason of absence, in the column of the first feature that has it."""

from __future__ import annotations

import numpy as np
import pytest

from ja4_assets.ml.absence import DistinctAbsence

NAN = np.nan
TRAINED = np.array(
    [
        [1.0, NAN, 5.0, NAN, NAN],
        [2.0, NAN, 6.0, NAN, 1.0],
        [3.0, 4.0, 7.0, 8.0, NAN],
    ]
)


def test_features_that_are_unobserved_together_are_told_once() -> None:
    told = DistinctAbsence().fit(TRAINED).transform(TRAINED)
    assert told.tolist() == [[0, 1, 0, 0, 1], [0, 1, 0, 0, 0], [0, 0, 0, 0, 1]]


def test_what_was_learnt_in_training_holds_later() -> None:
    later = np.array([[1.0, 2.0, 3.0, NAN, 4.0], [NAN, NAN, 3.0, 4.0, 4.0]])
    told = DistinctAbsence().fit(TRAINED).transform(later)
    told = DistinctAbsence().fit(TRAINED).transform(later)
    assert told.tolist() == [[0, 0, 0, 0, 0], [1, 1, 0, 0, 0]]


@pytest.mark.parametrize("rows", [1, 8, 9])
def test_the_number_of_rows_does_not_matter(rows: int) -> None:
    inputs = np.ones((rows, 3))
    inputs[-1, 1:] = NAN
    assert DistinctAbsence().fit(inputs).transform(inputs).sum(axis=0).tolist() == [0, 1, 0]

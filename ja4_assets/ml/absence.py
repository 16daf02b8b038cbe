"""What was not observed, as inputs of the forest: one for each reason, not one for each feature.

Several features are unobserved for one reason: who is alone with a JA4 lacks all that are about the others on
it. With an indicator each, one rare fingerprint would be as many reasons to be isolated, and the forest would
measure little else.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

FloatArray = npt.NDArray[np.float64]


class DistinctAbsence(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """1 where a feature is unobserved (NaN); of those unobserved in the same training rows the first alone.

    Takes and gives a float64 array (rows, features). The columns of the others are 0, so that a column of the
    output still belongs to the feature of its number, and a tree never splits on them. Fitted: `kept_`, the
    numbers of the columns that are told, ascending.
    """

    def fit(self, X: FloatArray, y: object = None) -> Self:  # noqa: N803, ARG002
        """Find the features whose absence always comes together."""
        rows_absent = np.packbits(np.isnan(X).T, axis=1)
        _, first = np.unique(rows_absent, axis=0, return_index=True)
        self.kept_ = np.sort(first)
        return self

    def transform(self, X: FloatArray) -> FloatArray:  # noqa: N803
        """Indicators, shape (rows, features)."""
        absent = np.zeros(X.shape)
        absent[:, self.kept_] = np.isnan(X[:, self.kept_])
        return absent

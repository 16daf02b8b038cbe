"""What the platform is compared with: other detectors on the same features, and the request rate.

The detectors see what the forest sees: the same training rows, scaled and imputed by the same steps, so that
the comparison is one of detectors and not of preparation. Each has its package's defaults.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ja4_assets.evaluation.ranking import FloatArray
from ja4_assets.ml.forest import EntityForest

SEED = 20_261_122
Detector = Callable[[FloatArray, FloatArray], FloatArray]
"""From prepared training rows and rows to judge to a score for each of the latter, higher is stranger."""


def ecod(train: FloatArray, test: FloatArray) -> FloatArray:
    """Empirical cumulative distributions (Li et al., 2022)."""
    from pyod.models.ecod import ECOD

    return np.asarray(ECOD().fit(train).decision_function(test), dtype=np.float64)


def hbos(train: FloatArray, test: FloatArray) -> FloatArray:
    """Histograms, features taken as independent (Goldstein and Dengel, 2012)."""
    from pyod.models.hbos import HBOS

    return np.asarray(HBOS().fit(train).decision_function(test), dtype=np.float64)


def lof(train: FloatArray, test: FloatArray) -> FloatArray:
    """Local outlier factor (Breunig et al., 2000)."""
    from pyod.models.lof import LOF

    return np.asarray(LOF(novelty=True).fit(train).decision_function(test), dtype=np.float64)


def extended_forest(train: FloatArray, test: FloatArray) -> FloatArray:
    """Isolation forest with splits along two features at once (Hariri et al., 2019), by isotree."""
    from isotree import IsolationForest

    forest = IsolationForest(
        ndim=2, ntrees=200, sample_size=256, missing_action="fail", random_seed=SEED, nthreads=1
    )
    forest.fit(np.asfortranarray(train))
    return np.asarray(forest.predict(np.asfortranarray(test)), dtype=np.float64)


DETECTORS: dict[str, Detector] = {
    "PyOD ECOD": ecod,
    "PyOD HBOS": hbos,
    "PyOD LOF": lof,
    "isotree extended forest": extended_forest,
}


def prepared(forest: EntityForest, matrix: pd.DataFrame) -> FloatArray:
    """The rows as the forest's trees see them."""
    return np.asarray(forest.pipeline[:-1].transform(matrix), dtype=np.float64)

"""Whether traits that ought to say nothing tell bots from people: a model that sees nothing else.

Cross-validated by identity. Traits are at chance where the interval of the area under the ROC curve reaches
down to one half. What is not must stay out of a model's features, whatever it would do for the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from ja4_assets.evaluation.ranking import BoolArray, FloatArray
from ja4_assets.evaluation.splits import identity_folds

FOLDS = 5
ROUNDS = 200
SEED = 20_261_122
UNOBSERVED = -1.0


@dataclass(frozen=True, slots=True)
class Leak:
    """How well one group of traits tells bots from people."""

    group: str
    area: float
    low: float
    high: float
    identities: int

    @property
    def is_at_chance(self) -> bool:
        """No better than guessing. Worse is no leak: without a signal, folds that each have their share of
        every tier make the held-out part look like the opposite of the rest."""
        return self.low <= 0.5


def separation(name: str, people: pl.DataFrame, inputs: pl.DataFrame) -> Leak:
    """Area under the ROC curve of out-of-fold scores, with a bootstrap interval over identities.

    `people` has a row for each identity: identity, tier, is_bot. `inputs` has as many rows, numbers only.
    """
    folds = identity_folds(people, FOLDS)
    fold = np.array([folds[one] for one in people["identity"]])
    is_bot = people["is_bot"].to_numpy().astype(np.bool_)
    # A column that is the same everywhere tells nobody from nobody, and the classifier refuses it.
    telling = [name for name in inputs.columns if inputs[name].drop_nulls().n_unique() > 1]
    matrix = inputs.select(telling).cast(pl.Float64).fill_null(UNOBSERVED).to_numpy()
    scores = np.zeros(len(is_bot))
    for number in range(FOLDS if telling else 0):
        model = HistGradientBoostingClassifier(max_iter=60, min_samples_leaf=8, random_state=SEED)
        model.fit(matrix[fold != number], is_bot[fold != number])
        scores[fold == number] = model.predict_proba(matrix[fold == number])[:, 1]
    low, high = _interval(scores, is_bot)
    return Leak(name, float(roc_auc_score(is_bot, scores)), low, high, len(is_bot))


def _interval(scores: FloatArray, is_bot: BoolArray) -> tuple[float, float]:
    rng = np.random.default_rng(SEED)
    bots, people = np.flatnonzero(is_bot), np.flatnonzero(~is_bot)
    areas = []
    for _ in range(ROUNDS):
        drawn = np.concatenate([rng.choice(bots, len(bots)), rng.choice(people, len(people))])
        areas.append(roc_auc_score(is_bot[drawn], scores[drawn]))
    low, high = np.quantile(areas, (0.025, 0.975))
    return float(low), float(high)

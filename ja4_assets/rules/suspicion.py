"""One suspicion for an entity hour: what the rules and the model together say against it.

The verdict says what is done about an entity, the suspicion in which order an analyst should look; both come
from the same rules and the same score, and what is measured as the platform's detection is this number.

    suspicion = 1 - (1 - rules) * (1 - model * (1 - good))

`rules` is the combined confidence of the rules against the entity hour, `good` the weight of the rule that
speaks for it (0 where none does, or where rules speak against it: who contradicts itself is not excused).
`model` rises with the anomaly score and is half of `MODEL_MOST` at the model's threshold. It stays below
the weight of every rule against an entity: being rare is not proof, so the model orders what no rule
objects to, and what the same rules object to, and never puts the one above the other.
"""

from __future__ import annotations

import polars as pl

MODEL_MOST = 0.55
"""What the strangest score alone amounts to; below the smallest weight of a rule against, a test holds it."""
MODEL_WIDTH = 0.04
"""Difference of anomaly scores that changes the odds by e. Scores of a window spread over some 0.3."""


def suspicion(rules: pl.Expr, good: pl.Expr, anomaly_score: pl.Expr, threshold: pl.Expr) -> pl.Expr:
    """0 to 1, higher is more suspicious; `good`, `anomaly_score` and `threshold` may be null."""
    odds = ((anomaly_score - threshold) / MODEL_WIDTH).exp()
    model = (MODEL_MOST * odds / (1.0 + odds)).fill_null(0.0)
    excuse = pl.when(rules > 0.0).then(0.0).otherwise(good.fill_null(0.0))
    return 1.0 - (1.0 - rules) * (1.0 - model * (1.0 - excuse))

"""When a new model takes over from the champion.

The first model that passes the blocking check becomes champion; every later one that passes becomes
challenger first. A challenger takes over without a person if it would not change the analyst's day:

- both rank the training window alike (Spearman correlation of at least `MIN_RANK_CORRELATION`), and
- it alerts on at most `MAX_ALERT_RATIO` times as many entity hours as the champion does there;

or if the champion cannot score at all, because it was fitted on another list of features. Otherwise
it stays challenger until a person moves the alias. Rolling back is moving the alias too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.forest import EntityForest

MIN_RANK_CORRELATION = 0.7
MAX_ALERT_RATIO = 2.0


@dataclass(frozen=True, slots=True)
class Promotion:
    """Whether the challenger takes over, and why."""

    is_granted: bool
    reason: str
    rank_correlation: float | None = None
    alert_ratio: float | None = None


def weigh(champion: EntityForest | None, challenger: EntityForest, matrix: pd.DataFrame) -> Promotion:
    """Decide on the challenger's training window; `champion` is None while there is none."""
    if champion is None:
        return Promotion(True, "there was no champion")
    if champion.reference.feature_names != FEATURE_NAMES:
        return Promotion(True, "the champion was fitted on another list of features and cannot score")
    old, new = champion.anomaly_scores(matrix), challenger.anomaly_scores(matrix)
    ranks = pl.DataFrame({"old": old, "new": new})
    correlation = float(ranks.select(pl.corr("old", "new", method="spearman")).item())
    old_alerts = int(np.count_nonzero(old > champion.reference.threshold))
    new_alerts = int(np.count_nonzero(new > challenger.reference.threshold))
    ratio = new_alerts / max(1, old_alerts)
    # Written so that a NaN correlation, from constant scores, refuses.
    if not correlation >= MIN_RANK_CORRELATION:
        reason = f"it ranks too differently: Spearman {correlation:.2f} is below {MIN_RANK_CORRELATION}"
        return Promotion(False, reason, correlation, ratio)
    if ratio > MAX_ALERT_RATIO:
        reason = f"it alerts {ratio:.1f} times as often, more than {MAX_ALERT_RATIO}"
        return Promotion(False, reason, correlation, ratio)
    reason = f"it ranks alike (Spearman {correlation:.2f}) and alerts {ratio:.1f} times as often"
    return Promotion(True, reason, correlation, ratio)

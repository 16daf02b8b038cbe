"""From entity hours and a forest to rows of `bot_scores`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

import polars as pl

from ja4_assets.features.frame import KEY_COLUMNS, feature_matrix
from ja4_assets.ml.explain import top_contributions
from ja4_assets.ml.forest import EntityForest

TOP_FEATURES = 5
"""Contributions kept with a score: an analyst reads three, the dashboard draws five."""

TOP_FEATURES_TYPE = pl.List(
    pl.Struct({"name": pl.String, "value": pl.Float64, "norm": pl.Float64, "contribution": pl.Float64})
)


@dataclass(frozen=True, slots=True)
class ScoredBy:
    """What every row of one scoring has in common."""

    model_name: str
    model_version: str
    data_version: str
    """Version of the data that the model was trained on."""
    dagster_run_id: str
    scored_at: datetime


def score_entity_hours(forest: EntityForest, entities: pl.DataFrame, scored_by: ScoredBy) -> pl.DataFrame:
    """One row per entity hour with the columns of `bot_scores`; `contribution` is in bits."""
    matrix = feature_matrix(entities)
    scores = forest.anomaly_scores(matrix)
    tops = [
        [{"name": c.name, "value": c.value, "norm": c.norm, "contribution": c.bits} for c in row]
        for row in top_contributions(forest.pipeline, matrix, TOP_FEATURES)
    ]
    return entities.select(KEY_COLUMNS).with_columns(
        pl.Series("anomaly_score", scores, dtype=pl.Float64),
        pl.Series("score_quantile", forest.reference.ranks(scores), dtype=pl.Float64),
        pl.lit(forest.reference.threshold).alias("threshold"),
        pl.Series("top_features", tops, dtype=TOP_FEATURES_TYPE),
        *[pl.lit(value).alias(name) for name, value in asdict(scored_by).items()],
    )

"""From entity hours and a forest to rows of `bot_scores`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pyarrow as pa

from ja4_assets.features.frame import KEY_COLUMNS
from ja4_assets.ml.explain import Contribution, top_contributions
from ja4_assets.ml.forest import EntityForest, FloatArray
from ja4_assets.ml.scaling import model_matrix

TOP_FEATURES = 5
"""Contributions kept with a score: an analyst reads three, the dashboard draws five."""

EXPLAINED_AT_MOST = 2_000
"""Strangest entity hours of an hour that get an explanation even if nothing is wrong with them, so that a
small site's are all explained. Above the threshold all are: an explanation costs four times a score."""

BATCH_ROWS = 100_000
"""Rows scored at once: 61 features with indicators are 100 MB as 64-bit numbers."""

CONTRIBUTION_SCHEMA = {"name": pl.String, "value": pl.Float64, "norm": pl.Float64, "contribution": pl.Float64}
TOP_FEATURES_TYPE = pl.List(pl.Struct(CONTRIBUTION_SCHEMA))


@dataclass(frozen=True, slots=True)
class ScoredBy:
    """What every row of one scoring has in common."""

    model_name: str
    model_version: str
    data_version: str
    """Version of the data that the model was trained on."""
    dagster_run_id: str
    scored_at: datetime


def score_entity_hours(
    forest: EntityForest, entities: pl.DataFrame, classes: npt.NDArray[np.object_], scored_by: ScoredBy
) -> pl.DataFrame:
    """One row per entity hour with the columns of `bot_scores`; `contribution` is in bits.

    `classes` holds each row's traffic class. `is_alert` is 0: whether an entity hour is among the alerts of
    its day depends on the whole day (`defs.promise`).
    """
    matrix = model_matrix(entities)
    scores = anomaly_scores(forest, matrix)
    p_values, used = forest.calibration.p_values(scores, classes)
    return entities.select(KEY_COLUMNS).with_columns(
        pl.Series("anomaly_score", scores, dtype=pl.Float64),
        pl.Series("score_quantile", forest.reference.ranks(scores), dtype=pl.Float64),
        pl.lit(forest.reference.threshold).alias("threshold"),
        _explanations(forest, matrix, scores),
        pl.Series("p_value", p_values, dtype=pl.Float64, nan_to_null=True).fill_nan(None),
        pl.Series("traffic_class", used, dtype=pl.String),
        pl.lit(0, dtype=pl.UInt8).alias("is_alert"),
        *[pl.lit(value).alias(name) for name, value in asdict(scored_by).items()],
    )


def anomaly_scores(forest: EntityForest, matrix: pd.DataFrame) -> FloatArray:
    """Scores of any number of rows in memory for BATCH_ROWS."""
    parts = [
        forest.anomaly_scores(matrix.iloc[first : first + BATCH_ROWS])
        for first in range(0, len(matrix), BATCH_ROWS)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def shadow_rows(
    forest: EntityForest, entities: pl.DataFrame, model_name: str, model_version: str, scored_at: datetime
) -> pl.DataFrame:
    """Rows of `shadow_scores`: what a challenger would have said of the same entity hours."""
    scores = anomaly_scores(forest, model_matrix(entities))
    return entities.select(KEY_COLUMNS).with_columns(
        pl.lit(model_name).alias("model_name"),
        pl.lit(model_version).alias("model_version"),
        pl.Series("anomaly_score", scores, dtype=pl.Float64),
        pl.Series("score_quantile", forest.reference.ranks(scores), dtype=pl.Float64),
        pl.lit(forest.reference.threshold).alias("threshold"),
        pl.lit(scored_at).alias("scored_at"),
    )


def _explanations(forest: EntityForest, matrix: pd.DataFrame, scores: FloatArray) -> pl.Series:
    """`top_features` of the rows that need one, an empty list for the others."""
    if not len(scores):
        return pl.Series("top_features", [], dtype=TOP_FEATURES_TYPE)
    among = (
        np.partition(scores, -EXPLAINED_AT_MOST)[-EXPLAINED_AT_MOST]
        if len(scores) > EXPLAINED_AT_MOST
        else 0.0
    )
    chosen = np.flatnonzero((scores > forest.reference.threshold) | (scores >= among))
    lengths = np.zeros(len(scores), dtype=np.int32)
    named: list[Contribution] = []
    for first in range(0, len(chosen), BATCH_ROWS):
        part = chosen[first : first + BATCH_ROWS]
        found = top_contributions(forest.pipeline, matrix.iloc[part], TOP_FEATURES)
        lengths[part] = [len(top) for top in found]
        named += chain.from_iterable(found)
    return _as_lists(named, lengths)


def _as_lists(named: list[Contribution], lengths: npt.NDArray[np.int32]) -> pl.Series:
    """`top_features`: the first lengths[0] of `named` for the first row, the next lengths[1] for the second.

    Through Arrow's own layout, because a list of lists costs 30 us a row even where it is empty.
    """
    flat = pl.DataFrame(
        {
            "name": [one.name for one in named],
            "value": [one.value for one in named],
            "norm": [one.norm for one in named],
            "contribution": [one.bits for one in named],
        },
        schema=CONTRIBUTION_SCHEMA,
    )
    offsets = pa.array(np.append(np.int32(0), np.cumsum(lengths, dtype=np.int32)))
    values = flat.to_struct().to_arrow(compat_level=pl.CompatLevel.oldest())
    lists = pl.from_arrow(pa.ListArray.from_arrays(offsets, values))
    return pl.Series("top_features", lists, dtype=TOP_FEATURES_TYPE)

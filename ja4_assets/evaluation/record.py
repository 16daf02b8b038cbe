"""Figures as rows of the append-only table `model_evaluations`."""

from __future__ import annotations

from datetime import datetime

import polars as pl

EVALUATION_COLUMNS = (
    "evaluated_at",
    "model_name",
    "model_version",
    "data_set",
    "slice",
    "metric",
    "value",
    "low",
    "high",
    "identities",
    "note",
)


def evaluation_rows(
    figures: pl.DataFrame, *, data_set: str, model_name: str, model_version: str, evaluated_at: datetime
) -> pl.DataFrame:
    """Rows of `model_evaluations` for what `evaluate` returned; figures without a value are left out.

    `data_set` names recording and mixture, e.g. `lab-2, 10 % bots`.
    """
    return figures.filter(pl.col("value").is_finite()).select(
        pl.lit(evaluated_at).dt.cast_time_unit("us").alias("evaluated_at"),
        pl.lit(model_name).alias("model_name"),
        pl.lit(model_version).alias("model_version"),
        pl.lit(data_set).alias("data_set"),
        "slice",
        "metric",
        "value",
        "low",
        "high",
        pl.col("identities").cast(pl.UInt32),
        "note",
    )

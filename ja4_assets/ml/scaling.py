"""Robust scaling of the features per host and hour of the week, fitted in training and carried in the model.

What is usual on a shop's front page on Monday morning is not usual on its API on Sunday night. A feature is
therefore measured from the median of its own cell (host, hour of the week), in interquartile ranges of it.
A cell with few rows knows neither: it is measured by the pooled median and range of all rows.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
from sklearn.base import BaseEstimator, TransformerMixin

from ja4_assets.features.catalogue import COUNT_FEATURES
from ja4_assets.features.frame import feature_matrix

FloatArray = npt.NDArray[np.float64]

CELL = "host_hour_of_week"
"""Column of the model's input that names the cell; without it, or NaN in it, the pooled scale holds."""

HOURS_OF_WEEK = 168
HOST_HASH_BITS = 40
"""40 bits and the hour of the week fit the 53 bits that a float64 holds exactly; 10,000 hosts then share a
code with a probability of 0.005 %."""

MIN_CELL_ROWS = 200
"""Below, the standard error of a cell's median is over a tenth of its interquartile range: 0.93 / sqrt(rows)
for normal values."""

MAX_CELLS = 4096
"""Largest cells kept; with 61 features their medians and ranges take 4 MB of the model."""


def model_matrix(frame: pl.DataFrame) -> pd.DataFrame:
    """The model's input for entity hours: `feature_matrix` and the column `CELL`, all float64."""
    matrix = feature_matrix(frame)
    matrix[CELL] = cell_codes(frame)
    return matrix


def cell_codes(frame: pl.DataFrame) -> FloatArray:
    """Number of the (host, hour of the week) of each row, equal on every machine and in every process."""
    hosts = frame["host"].to_pandas().to_numpy(dtype=object)
    names = pd.util.hash_array(hosts, categorize=True) & np.uint64(2**HOST_HASH_BITS - 1)
    week_hours = (frame["hour"].dt.weekday().cast(pl.Int64) - 1) * 24 + frame["hour"].dt.hour()
    codes = names.astype(np.int64) * HOURS_OF_WEEK + week_hours.to_numpy()
    return np.asarray(codes, dtype=np.float64)


class CellRobustScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """(value - median) / interquartile range of the row's cell, after log1p on counts; NaN stays NaN.

    Takes a DataFrame with the columns `features` and perhaps `CELL`; gives a float64 array (rows, features)
    in their order. Fitted: `features_`; `center_` and `scale_` of the pool, shape (features,); `cells_`,
    sorted codes; `cell_center_` and `cell_scale_`, shape (cells, features), which hold the pool's figure
    where the cell has too few observed values, or a range of 0. A feature that was never observed in
    training has the center NaN, so that it counts as unobserved whatever it is later.
    """

    def __init__(self, min_cell_rows: int = MIN_CELL_ROWS, max_cells: int = MAX_CELLS) -> None:
        self.min_cell_rows = min_cell_rows
        self.max_cells = max_cells

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:  # noqa: N803, ARG002
        """Learn medians and ranges of the pool and of each cell that is large enough."""
        self.features_ = [str(name) for name in X.columns if name != CELL]
        values = self._logged(X)
        pooled = _quartiles(pl.from_numpy(values).fill_nan(None))
        self.center_, self.scale_ = _center_and_scale(
            pooled, np.full((1, values.shape[1]), np.nan), np.ones((1, values.shape[1]))
        )
        self.center_, self.scale_ = self.center_[0], self.scale_[0]
        self._fit_cells(X, values)
        return self

    def transform(self, X: pd.DataFrame) -> FloatArray:  # noqa: N803
        """Scaled values, shape (rows, features)."""
        values = self._logged(X)
        center, scale = self.parameters_of(X)
        values -= center
        values /= scale
        return values

    def parameters_of(self, X: pd.DataFrame) -> tuple[FloatArray, FloatArray]:  # noqa: N803
        """Median and range that hold for each row, in logarithms for counts; each (rows, features) or
        (features,)."""
        if CELL not in X.columns or not len(self.cells_):
            return self.center_, self.scale_
        codes = X[CELL].to_numpy()
        place = np.searchsorted(self.cells_, codes)
        place[place == len(self.cells_)] = 0
        # The pool's row stands behind those of the cells.
        row = np.where(self.cells_[place] == codes, place, len(self.cells_))
        centers = np.vstack([self.cell_center_, self.center_])
        scales = np.vstack([self.cell_scale_, self.scale_])
        return centers[row], scales[row]

    def in_units_of_the_mart(self, center: FloatArray) -> FloatArray:
        """Medians as an analyst reads them: the logarithm of counts undone."""
        undone = np.array(center, dtype=np.float64)
        counts = self._counts()
        undone[..., counts] = np.expm1(undone[..., counts])
        return undone

    def _fit_cells(self, X: pd.DataFrame, values: FloatArray) -> None:  # noqa: N803
        width = values.shape[1]
        self.cells_ = np.empty(0)
        self.cell_center_, self.cell_scale_ = np.empty((0, width)), np.empty((0, width))
        if CELL not in X.columns:
            return
        frame = pl.from_numpy(values).fill_nan(None).with_columns(pl.Series(CELL, X[CELL].to_numpy()))
        sizes = frame.drop_nans(CELL).group_by(CELL).len().filter(pl.col("len") >= self.min_cell_rows)
        kept = sizes.sort("len", CELL, descending=[True, False]).head(self.max_cells)[CELL].sort()
        if kept.is_empty():
            return
        parts = frame.filter(pl.col(CELL).is_in(kept.implode())).partition_by(CELL, as_dict=True)
        ordered = [parts[(code,)].drop(CELL) for code in kept]
        quartiles = np.stack([_quartiles(part) for part in ordered], axis=1)[:, :, 0, :]
        observed = np.array([[part.height - nulls for nulls in part.null_count().row(0)] for part in ordered])
        quartiles[:, observed < self.min_cell_rows] = np.nan
        shape = (len(ordered), width)
        self.cells_ = kept.to_numpy().astype(np.float64)
        self.cell_center_, self.cell_scale_ = _center_and_scale(
            quartiles, np.broadcast_to(self.center_, shape), np.broadcast_to(self.scale_, shape)
        )

    def _logged(self, X: pd.DataFrame) -> FloatArray:  # noqa: N803
        values: FloatArray = X[self.features_].to_numpy(dtype=np.float64, copy=True)
        counts = self._counts()
        values[:, counts] = np.log1p(values[:, counts])
        return values

    def _counts(self) -> list[int]:
        return [index for index, name in enumerate(self.features_) if name in COUNT_FEATURES]

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:  # noqa: ARG002
        """Names of the output's columns."""
        return np.asarray(self.features_, dtype=object)


def _quartiles(frame: pl.DataFrame) -> FloatArray:
    """The three quartiles of each column, shape (3, 1, columns); NaN where nothing was observed."""
    found = [
        frame.select(pl.all().quantile(point, interpolation="linear")).fill_null(np.nan).to_numpy()
        for point in (0.25, 0.5, 0.75)
    ]
    return np.stack(found).astype(np.float64)


def _center_and_scale(
    quartiles: FloatArray, default_center: FloatArray, default_scale: FloatArray
) -> tuple[FloatArray, FloatArray]:
    low, middle, high = quartiles
    spread = high - low
    center = np.where(np.isnan(middle), default_center, middle)
    scale = np.where(np.isnan(spread) | (spread <= 0.0), default_scale, spread)
    return center, scale

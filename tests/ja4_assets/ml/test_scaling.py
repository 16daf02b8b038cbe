"""A value is measured from what is usual for its host and hour of the week, where enough rows say what is."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.preprocessing import RobustScaler

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.features.frame import ENTITY_HOUR_SCHEMA
from ja4_assets.ml.scaling import CELL, CellRobustScaler, cell_codes, model_matrix

SHARE, COUNT = "secfetch_missing", "hdr_orders"


def rows(count: int, cell: float | None = None, seed: int = 1, **offsets: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({SHARE: rng.normal(size=count), COUNT: rng.gamma(2.0, 3.0, count)})
    for name, offset in offsets.items():
        frame[name] += offset
    return frame if cell is None else frame.assign(**{CELL: cell})


def test_without_cells_it_is_scikit_learn_s_robust_scaler() -> None:
    frame = rows(300)
    expected = RobustScaler().fit_transform(frame[[SHARE]])
    assert CellRobustScaler().fit(frame).transform(frame)[:, 0] == pytest.approx(expected[:, 0])


def test_counts_are_scaled_as_logarithms() -> None:
    frame = rows(300)
    expected = RobustScaler().fit_transform(np.log1p(frame[[COUNT]]))
    assert CellRobustScaler().fit(frame).transform(frame)[:, 1] == pytest.approx(expected[:, 0])


def test_a_large_cell_has_its_own_scale_and_a_small_one_the_pooled() -> None:
    large, small = rows(400, 1.0), rows(30, 2.0, seed=2, **{SHARE: 50.0})
    rest = rows(400, 3.0, seed=3, **{SHARE: 10.0})
    scaler = CellRobustScaler(min_cell_rows=200).fit(pd.concat([large, small, rest]))
    assert scaler.cells_.tolist() == [1.0, 3.0]
    assert np.median(scaler.transform(large)[:, 0]) == pytest.approx(0.0, abs=1e-9)
    assert np.median(scaler.transform(rest)[:, 0]) == pytest.approx(0.0, abs=1e-9)
    pooled = scaler.transform(small.drop(columns=CELL))
    assert np.array_equal(scaler.transform(small), pooled)
    unknown = scaler.transform(small.assign(**{CELL: 99.0}))
    assert np.array_equal(unknown, pooled)


def test_unobserved_stays_unobserved_and_what_training_never_saw_counts_as_such() -> None:
    frame = rows(300).assign(**{SHARE: np.nan})
    scaler = CellRobustScaler().fit(frame)
    assert np.isnan(scaler.transform(rows(5))[:, 0]).all()
    gaps = rows(300)
    gaps.loc[:9, SHARE] = np.nan
    assert np.isnan(CellRobustScaler().fit(gaps).transform(gaps)[:10, 0]).all()


def test_a_feature_that_is_constant_in_a_cell_takes_the_pooled_range() -> None:
    flat = rows(300, 1.0).assign(**{SHARE: 0.5})
    other = rows(300, 2.0, seed=4)
    scaler = CellRobustScaler(min_cell_rows=200).fit(pd.concat([flat, other]))
    assert scaler.cell_scale_[0, 0] == scaler.scale_[0]
    assert scaler.cell_center_[0, 0] == 0.5


def test_at_most_so_many_cells_are_kept_the_largest_first() -> None:
    frame = pd.concat([rows(20 + number, float(number), seed=number) for number in range(6)])
    scaler = CellRobustScaler(min_cell_rows=10, max_cells=2).fit(frame)
    assert scaler.cells_.tolist() == [4.0, 5.0]


def test_codes_tell_hosts_and_hours_of_the_week_apart_and_weeks_not() -> None:
    hours = [datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((16, 3), (23, 3), (16, 4), (17, 3))]
    frame = pl.DataFrame({"host": ["a.test"] * 4 + ["b.test"], "hour": [*hours, hours[0]]})
    codes = cell_codes(frame)
    assert codes[0] == codes[1]
    assert len(set(codes)) == 4
    assert (codes == np.floor(codes)).all()
    assert codes.max() < 2**53


def test_the_model_s_input_has_every_feature_and_the_cell() -> None:
    hour = datetime(2026, 11, 16, 3, tzinfo=UTC)
    values = {
        **dict.fromkeys(FEATURE_NAMES, 1.0),
        "hour": hour,
        "client_ip": "::",
        "ja4_stable": "x",
        "host": "a",
    }
    frame = pl.DataFrame([values], schema=ENTITY_HOUR_SCHEMA)
    assert list(model_matrix(frame).columns) == [*FEATURE_NAMES, CELL]
    assert model_matrix(frame).dtypes.unique().tolist() == [np.dtype("float64")]

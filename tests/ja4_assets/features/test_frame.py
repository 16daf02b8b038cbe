"""The frame of entity hours is what the model expects, or is refused by name of the fault."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from ja4_assets.features.catalogue import COUNT_FEATURES, FEATURE_NAMES, LABELS, LEFT_OUT, MART_FEATURES
from ja4_assets.features.frame import (
    ENTITY_HOUR_SCHEMA,
    KEY_COLUMNS,
    SUFFICIENT_ENTITY_HOURS,
    SchemaMismatchError,
    check_entity_hours,
    data_version,
    feature_matrix,
)

HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC)


def entity_hours(rows: int = 3) -> pl.DataFrame:
    """Distinct addresses in one hour; every feature counts up, the last row's is unobserved."""
    features = {
        name: [float(index * row) for row in range(rows - 1)] + [None]
        for index, name in enumerate(FEATURE_NAMES)
    }
    keys = {
        "hour": [HOUR] * rows,
        "client_ip": [f"::ffff:192.0.2.{row}" for row in range(rows)],
        "ja4_stable": ["t13d1517h2_8daaf6152771_cb7bf5808d99"] * rows,
        "host": ["shop.test"] * rows,
    }
    return pl.DataFrame({**keys, **features}, schema=ENTITY_HOUR_SCHEMA)


def test_the_query_selects_the_schema_in_its_order() -> None:
    columns = SUFFICIENT_ENTITY_HOURS.split("from fct_entity_hour")[0]
    selected = [line.split(" as ")[1].rstrip(",") for line in columns.splitlines() if " as " in line]
    assert selected == list(ENTITY_HOUR_SCHEMA)


def test_features_have_unique_names_and_labels() -> None:
    names = [feature.name for feature in MART_FEATURES]
    assert len(names) == len(set(names)) == len(LABELS) == len(set(LABELS.values()))
    assert set(COUNT_FEATURES) <= set(FEATURE_NAMES)


def test_the_model_reads_nothing_that_the_lab_decides() -> None:
    assert not set(FEATURE_NAMES) & {one.feature.name for one in LEFT_OUT}
    assert all(one.reason for one in LEFT_OUT)
    assert not [name for name in FEATURE_NAMES if name.startswith(("ttl", "tcpsig", "mss", "night"))]


def test_a_complete_frame_is_returned_unchanged() -> None:
    frame = entity_hours()
    assert check_entity_hours(frame).equals(frame)


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (entity_hours().drop("hdr_orders"), "hdr_orders is missing"),
        (entity_hours().with_columns(pl.lit(1).alias("label")), "label is unexpected"),
        (entity_hours().with_columns(pl.col("pq_missing").cast(pl.Int64)), "pq_missing is Int64"),
        (entity_hours().with_columns(pl.col("hour").dt.replace_time_zone(None)), "hour is Datetime"),
        (pl.concat([entity_hours(), entity_hours()]), "is not unique"),
    ],
)
def test_a_wrong_frame_is_refused_by_the_column_at_fault(frame: pl.DataFrame, fault: str) -> None:
    with pytest.raises(SchemaMismatchError, match=fault):
        check_entity_hours(frame)


def test_unobserved_is_nan_in_the_matrix_and_columns_keep_the_catalogue_order() -> None:
    matrix = feature_matrix(entity_hours().select(reversed(list(ENTITY_HOUR_SCHEMA))))
    assert list(matrix.columns) == list(FEATURE_NAMES)
    assert matrix.iloc[-1].isna().all()
    assert matrix.iloc[1].to_list() == [float(index) for index in range(len(FEATURE_NAMES))]


def test_data_version_ignores_row_order_and_notices_any_changed_cell() -> None:
    frame = entity_hours()
    version = data_version(frame)
    assert data_version(frame.reverse()) == version
    assert data_version(frame.with_columns(pl.col("hdr_orders") + 1e-12)) != version
    assert data_version(frame.with_columns(pl.col("hdr_orders").fill_null(0.0))) != version
    assert data_version(frame.with_columns(pl.lit("b.test").alias("host"))) != version
    swapped = frame.rename({"hdr_orders": "pq_missing", "pq_missing": "hdr_orders"})
    assert data_version(swapped) != version


def test_an_empty_window_has_a_version_and_an_empty_matrix() -> None:
    empty = entity_hours().clear()
    assert len(data_version(empty)) == 16
    assert feature_matrix(empty).shape == (0, len(FEATURE_NAMES))
    assert feature_matrix(empty).dtypes.unique().tolist() == [np.dtype("float64")]
    assert check_entity_hours(empty).select(KEY_COLUMNS).is_empty()

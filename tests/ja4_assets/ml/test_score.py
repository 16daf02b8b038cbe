"""Rows of `bot_scores`: who is explained, whose explanation stands where, and the same rows twice."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.features.frame import ENTITY_HOUR_SCHEMA, KEY_COLUMNS
from ja4_assets.ml import score
from ja4_assets.ml.explain import top_contributions
from ja4_assets.ml.forest import EntityForest, ForestSettings, train
from ja4_assets.ml.scaling import model_matrix
from ja4_assets.ml.score import TOP_FEATURES, ScoredBy, score_entity_hours

SCORED_AT = datetime(2026, 11, 1, 13, tzinfo=UTC)
BY = ScoredBy("forest", "3", "abc", "run", SCORED_AT)
ROWS = 400


@pytest.fixture(scope="module")
def entities() -> pl.DataFrame:
    """An hour of one site; a tenth of the values unobserved."""
    rng = np.random.default_rng(5)
    values = rng.gamma(2.0, 1.0, (ROWS, len(FEATURE_NAMES)))
    values[rng.random(values.shape) < 0.1] = np.nan
    keys = {
        "hour": [datetime(2026, 11, 1, 12, tzinfo=UTC)] * ROWS,
        "client_ip": [f"::ffff:192.0.{row // 250}.{row % 250}" for row in range(ROWS)],
        "ja4_stable": ["t13d1517h2_8daaf6152771_cb7bf5808d99"] * ROWS,
        "host": ["shop.test"] * ROWS,
    }
    features = {name: pl.Series(values[:, place]) for place, name in enumerate(FEATURE_NAMES)}
    frame = pl.DataFrame({**keys, **features}).with_columns(pl.col(FEATURE_NAMES).fill_nan(None))
    return frame.cast(ENTITY_HOUR_SCHEMA).sort(KEY_COLUMNS)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def forest(entities: pl.DataFrame) -> EntityForest:
    return train(model_matrix(entities), ForestSettings(trees=40, samples_per_tree=64))


def scored(forest: EntityForest, entities: pl.DataFrame) -> pl.DataFrame:
    classes = np.full(entities.height, "tool", dtype=object)
    return score_entity_hours(forest, entities, classes, BY)


def test_the_strangest_are_explained_and_the_others_have_an_empty_list(
    forest: EntityForest, entities: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score, "EXPLAINED_AT_MOST", 30)
    rows = scored(forest, entities).with_columns(pl.col("anomaly_score").rank("ordinal").alias("rank"))
    explained = rows.filter(pl.col("top_features").list.len() > 0)
    assert explained.height == 30
    assert set(explained["rank"]) == set(range(ROWS - 29, ROWS + 1))
    assert rows["top_features"].null_count() == 0


def test_every_row_above_the_threshold_is_explained_however_many_they_are(
    forest: EntityForest, entities: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score, "EXPLAINED_AT_MOST", 1)
    rows = scored(forest, entities).filter(pl.col("anomaly_score") > pl.col("threshold"))
    assert rows.height > 1
    assert rows["top_features"].list.len().gt(0).all()


def test_each_explanation_stands_beside_its_own_row(forest: EntityForest, entities: pl.DataFrame) -> None:
    rows = scored(forest, entities)
    for place in (0, 7, ROWS - 1):
        (alone,) = top_contributions(forest.pipeline, model_matrix(entities[place]), TOP_FEATURES)
        assert rows["top_features"][place].to_list() == [
            {"name": one.name, "value": one.value, "norm": one.norm, "contribution": one.bits}
            for one in alone
        ]


def test_the_rows_are_the_same_twice_and_do_not_depend_on_the_batch(
    forest: EntityForest, entities: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scored(forest, entities)
    assert scored(forest, entities).equals(whole)
    monkeypatch.setattr(score, "BATCH_ROWS", 37)
    assert scored(forest, entities).equals(whole)


def test_no_entity_hours_give_no_rows_of_the_same_columns(
    forest: EntityForest, entities: pl.DataFrame
) -> None:
    assert scored(forest, entities.head(0)).schema == scored(forest, entities).schema

"""A window's sample is the same each time, for features, classes and rules alike; so are the model and its
scores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from ja4_assets.evaluation.identities import TRUTH_SCHEMA
from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.features.frame import KEY_COLUMNS, data_version, read_sufficient_entity_hours
from ja4_assets.ml.forest import ForestSettings, model_hash
from ja4_assets.ml.score import ScoredBy, score_entity_hours
from ja4_assets.ml.training import Configuration, TrainingData, fit
from ja4_assets.ml.window import read_classes, read_named_by_rules, read_training_data
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.rules.catalogue import RULES

Row = dict[str, object]
HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC)
END = HOUR + timedelta(hours=2)
EVERY_ROW = 2**62


def crowd(make: Callable[..., Row], count: int) -> list[Row]:
    """Entity hours of two hours whose features vary; every tenth has too few requests to judge."""
    rng = np.random.default_rng(11)
    return [
        make(
            number,
            hour=HOUR + timedelta(hours=number % 2),
            is_sufficient=number % 10 != 9,
            **dict(zip(FEATURE_NAMES, rng.gamma(2.0, 0.4, len(FEATURE_NAMES)).tolist(), strict=True)),
        )
        for number in range(count)
    ]


def keys(frame: pl.DataFrame) -> set[tuple[object, ...]]:
    return set(frame.select(KEY_COLUMNS).iter_rows())


def test_a_sample_has_as_many_rows_as_asked_for_and_a_smaller_one_is_part_of_it(
    database: ClickHouseResource,
    store_entity_hours: Callable[[list[Row]], None],
    ordinary_entity_hour: Callable[..., Row],
) -> None:
    store_entity_hours(crowd(ordinary_entity_hour, 200))
    with database.client() as client:
        whole, some, few = (
            read_sufficient_entity_hours(client, HOUR, END, most) for most in (EVERY_ROW, 60, 20)
        )
        classes = read_classes(client, some, HOUR, END, 60)
        named = read_named_by_rules(client, RULES, HOUR, END, 60)
        named_of_all = read_named_by_rules(client, RULES, HOUR, END, EVERY_ROW)
    assert (whole.height, some.height, few.height) == (180, 60, 20)
    assert keys(few) < keys(some) < keys(whole)
    assert set(some["hour"]) == {HOUR, HOUR + timedelta(hours=1)}
    assert "" not in classes
    # Rules judge also those with too few requests; of the others they judge the sample.
    assert keys(named) & keys(whole) == keys(named_of_all) & keys(some)
    assert named_of_all.height


def test_what_only_supports_other_rules_names_nobody_and_so_calibrates(
    database: ClickHouseResource,
    store_entity_hours: Callable[[list[Row]], None],
    ordinary_entity_hour: Callable[..., Row],
) -> None:
    store_entity_hours(
        [
            ordinary_entity_hour(1, hour=HOUR, tcp_os_mismatch=0.9),
            ordinary_entity_hour(2, hour=HOUR, tcp_os_mismatch=0.9, hdr_case_odd=0.9),
        ]
    )
    with database.client() as client:
        named = read_named_by_rules(client, RULES, HOUR, END, EVERY_ROW)
    assert named["client_ip"].to_list() == ["::ffff:198.51.0.2"], "the other is undecided on the day, too"


def test_the_same_window_gives_the_same_hashes_whatever_order_its_rows_came_in(
    database: ClickHouseResource,
    store_entity_hours: Callable[[list[Row]], None],
    ordinary_entity_hour: Callable[..., Row],
) -> None:
    rows = crowd(ordinary_entity_hour, 300)
    settings = Configuration("small", ForestSettings(trees=20, samples_per_tree=64))
    by = ScoredBy("forest", "1", "0", "run", HOUR)
    found = []
    for ordered in (rows, rows[::-1]):
        database.command("truncate table fct_entity_hour")
        store_entity_hours(ordered[:100])
        store_entity_hours(ordered[100:])
        with database.client() as client:
            data: TrainingData = read_training_data(
                client, RULES, HOUR, END, 150, pl.DataFrame(schema=TRUTH_SCHEMA)
            )
        forest = fit(data, settings).forest
        scores = score_entity_hours(forest, data.entities, data.classes, by)
        found.append((data_version(data.entities), model_hash(forest.pipeline), scores))
    assert found[0][:2] == found[1][:2]
    assert found[0][2].equals(found[1][2])

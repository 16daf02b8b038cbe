"""The review queue as Dagster ranks it, on a real database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg
import numpy as np
import polars as pl
import pytest

from ja4_assets.defs.feedback import review_ranks
from ja4_assets.defs.partitions import PARTITION_FORMAT
from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.features.frame import feature_matrix
from ja4_assets.ml.forest import EntityForest, ForestSettings, train
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.resources.registry import RegistryResource

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

Row = dict[str, object]
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)

LABELLED = """
create table fct_labelled_entity_hour (
    hour DateTime64(0, 'UTC'), client_ip IPv6, ja4_stable LowCardinality(String), host LowCardinality(String),
    is_sufficient Bool, label String, label_id UUID, scope String, user LowCardinality(String), note String,
    labelled_at DateTime64(6, 'UTC'), expires_at Nullable(DateTime64(6, 'UTC')), machine_verdict String
) engine = MergeTree order by hour
"""

RANKS = """
select toString(client_ip) as client_ip, review_score, labels_used, toString(model_version) as version
from review_ranks final
"""


class OneForest:
    """A registry that holds one version."""

    def __init__(self, forest: EntityForest) -> None:
        self._forest = forest

    def maybe_alias(self, alias: str) -> str | None:
        return "4" if alias == "champion" else None

    def load(self, model_version: str) -> EntityForest:
        assert model_version == "4"
        return self._forest


@pytest.fixture
def entities(ordinary_entity_hour: Callable[..., Row]) -> list[Row]:
    """200 ordinary entities; the last ten are strange in one way, the ten before them in another."""
    dice = np.random.default_rng(3)
    rows = [
        ordinary_entity_hour(number, hour=NOW)
        | dict(zip(FEATURE_NAMES, dice.gamma(2.0, size=len(FEATURE_NAMES)).tolist(), strict=True))
        for number in range(200)
    ]
    for row in rows[180:190]:
        row |= {"iat_cv": 40.0, "mode_share": 40.0, "burstiness": 40.0}
    for row in rows[190:]:
        row |= {"path_entropy": 40.0, "uniq_path_ratio": 40.0, "enum_score": 40.0}
    return rows


@pytest.fixture
def run(
    database: ClickHouseResource,
    store_entity_hours: Callable[[list[Row]], None],
    entities: list[Row],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], dg.ExecuteInProcessResult]:
    """Rank the hour of the entities with a forest that was trained on them."""
    database.command(LABELLED)
    store_entity_hours(entities)
    matrix = feature_matrix(pl.DataFrame(entities, infer_schema_length=None))
    forest = train(matrix, ForestSettings(trees=40))
    monkeypatch.setattr(RegistryResource, "open", lambda _: OneForest(forest))

    def once() -> dg.ExecuteInProcessResult:
        resources = {"clickhouse": database, "registry": RegistryResource(tracking_uri="sqlite://")}
        return dg.materialize(
            [review_ranks], resources=resources, partition_key=NOW.strftime(PARTITION_FORMAT)
        )

    return once


def label(database: ClickHouseResource, row: Row, said: str) -> None:
    """What an analyst said of one entity hour."""
    key = {name: row[name] for name in ("hour", "client_ip", "ja4_stable", "host")}
    told = {"is_sufficient": True, "label": said, "label_id": "11111111-1111-1111-1111-111111111111"}
    told |= {
        "scope": "entity",
        "user": "ada",
        "note": "",
        "labelled_at": NOW,
        "machine_verdict": "suspicious",
    }
    database.insert("fct_labelled_entity_hour", pl.DataFrame([key | told]))
    database.insert("dim_label", pl.DataFrame([{"is_active": True, "label": said}]))


def test_nothing_is_ranked_while_nobody_labelled(
    database: ClickHouseResource, run: Callable[[], dg.ExecuteInProcessResult]
) -> None:
    assert run().success
    assert database.read("select count() from review_ranks").item() == 0


def test_labels_bring_bots_up_and_a_repetition_replaces_the_order(
    database: ClickHouseResource, run: Callable[[], dg.ExecuteInProcessResult], entities: list[Row]
) -> None:
    for row in entities[180:183]:
        label(database, row, "human")
    for row in entities[190:193]:
        label(database, row, "bad_bot")
    assert run().success
    assert run().success
    ranked = database.read(RANKS)
    assert ranked.height == 200
    assert ranked["labels_used"].unique().to_list() == [6]
    assert ranked["version"].unique().to_list() == ["4"]
    scores = dict(ranked.select("client_ip", "review_score").iter_rows())
    bots = [scores[str(row["client_ip"])] for row in entities[190:193]]
    people = [scores[str(row["client_ip"])] for row in entities[180:183]]
    assert min(bots) > max(people)

"""A platform of one database, one model store and one Dagster instance, driven as the jobs drive them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import mlflow
import numpy as np
import pytest

from ja4_assets.defs.models import entity_forest, entity_forest_champion, move_champion
from ja4_assets.defs.partitions import PARTITION_FORMAT
from ja4_assets.defs.verdicts import bot_scores, verdicts
from ja4_assets.ml.names import EXPERIMENT
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.resources.registry import RegistryResource

Row = dict[str, object]
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
FAST = {"ops": {"entity_forest": {"config": {"trees": 20, "only_published": True}}}}


class Platform:
    """One database, one model store and one Dagster instance, driven as the jobs drive them."""

    def __init__(self, clickhouse: ClickHouseResource, tracking_uri: str) -> None:
        self.clickhouse = clickhouse
        self.registry = RegistryResource(tracking_uri=tracking_uri)
        self.instance = dg.DagsterInstance.ephemeral()

    def run(self, *assets: dg.AssetsDefinition, **options: object) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            list(assets),
            instance=self.instance,
            resources={"clickhouse": self.clickhouse, "registry": self.registry},
            raise_on_error=False,
            **options,  # type: ignore[arg-type]
        )

    def train(self) -> dg.ExecuteInProcessResult:
        return self.run(entity_forest, entity_forest_champion, run_config=FAST)

    def score(self, hour: datetime = NOW) -> dg.ExecuteInProcessResult:
        return self.run(bot_scores, verdicts, partition_key=hour.strftime(PARTITION_FORMAT))

    def move_champion(self, model_version: str) -> dg.ExecuteInProcessResult:
        config = {"ops": {"point_champion_at": {"config": {"model_version": model_version}}}}
        resources = {"clickhouse": self.clickhouse, "registry": self.registry}
        return move_champion.execute_in_process(
            run_config=config, resources=resources, instance=self.instance, raise_on_error=False
        )

    def alias(self, name: str) -> str | None:
        return self.registry.open().maybe_alias(name)

    def count(self, query: str) -> int:
        return int(self.clickhouse.read(query).item())


@pytest.fixture(scope="session")
def empty_model_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose tables MLflow made once; it takes seconds."""
    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    RegistryResource(tracking_uri=f"sqlite:///{file}").open().maybe_newest()
    return file


@pytest.fixture
def platform(database: ClickHouseResource, tmp_path: Path, empty_model_store: Path) -> Platform:
    shutil.copy(empty_model_store, tmp_path / "mlflow.db")
    made = Platform(database, f"sqlite:///{tmp_path}/mlflow.db")
    made.registry.open()
    mlflow.create_experiment(EXPERIMENT, artifact_location=(tmp_path / "artifacts").as_uri())
    return made


@pytest.fixture
def varied(ordinary_entity_hour: Callable[..., Row]) -> Callable[..., list[Row]]:
    def make(hour: datetime = NOW, count: int = 120, seed: int = 1) -> list[Row]:
        rng = np.random.default_rng(seed)
        return [
            ordinary_entity_hour(
                number,
                hour=hour,
                ua_ja4_bits=float(rng.gamma(2.0)),
                hdr_order_bits=float(rng.gamma(2.0)),
                hdr_orders=float(rng.integers(1, 6)),
                pq_missing=None if number % 7 == 0 else 0.0,
            )
            for number in range(count)
        ]

    return make

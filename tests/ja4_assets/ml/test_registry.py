"""What goes into MLflow comes back the same, with everything a reviewer asks for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.forest import EntityForest, ForestSettings, model_hash, train
from ja4_assets.ml.names import CHAMPION, MODEL_NAME
from ja4_assets.ml.promotion import weigh
from ja4_assets.ml.registry import Registry, TrainingRecord

SETTINGS = ForestSettings(trees=20, samples_per_tree=64)
RECORD = TrainingRecord(
    window_start=datetime(2026, 11, 1, tzinfo=UTC),
    window_end=datetime(2026, 11, 2, tzinfo=UTC),
    max_rows=1000,
    entity_hours=200,
    data_version="0123456789abcdef",
    dagster_run_id="run",
)


def rows(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    # Some rows are stranger than others in every feature, or two forests would have nothing to agree on.
    strangeness = rng.gamma(0.5, 1.0, (200, 1))
    values = strangeness * rng.gamma(1.0, 1.0, (200, len(FEATURE_NAMES)))
    frame = pd.DataFrame(values, columns=list(FEATURE_NAMES))
    return frame.mask(rng.random(frame.shape) < 0.1)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("mlflow")
    made = Registry(f"sqlite:///{folder}/mlflow.db")
    mlflow.create_experiment("ja4_entity_forest", artifact_location=(folder / "artifacts").as_uri())
    return made


@pytest.fixture(scope="module")
def forest() -> EntityForest:
    return train(rows(), SETTINGS)


@pytest.fixture(scope="module")
def model_version(registry: Registry, forest: EntityForest) -> str:
    return registry.log(forest, rows(), SETTINGS, RECORD, "select 1")


def test_a_loaded_version_scores_as_the_trained_one(
    registry: Registry, forest: EntityForest, model_version: str
) -> None:
    loaded = registry.load(model_version)
    assert model_hash(loaded.pipeline) == model_hash(forest.pipeline)
    assert loaded.reference == forest.reference
    assert np.array_equal(loaded.anomaly_scores(rows(2)), forest.anomaly_scores(rows(2)))


def test_the_run_holds_parameters_metrics_query_and_plots(
    registry: Registry, model_version: str, tmp_path: Path
) -> None:
    run = mlflow.search_runs(search_all_experiments=True, output_format="list")[0]
    assert {"seed", "trees", "alert_quantile", "data_version", "code_version", "window_start"} <= set(
        run.data.params
    )
    assert run.data.params["data_version"] == RECORD.data_version
    assert run.data.metrics["alert_share"] == pytest.approx(0.02, abs=0.01)
    found = {artifact.path for artifact in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    assert {
        "score_histogram.png",
        "feature_summary.png",
        "feature_summary.csv",
        "training_query.sql",
        "features.json",
    } <= found
    histogram = Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/score_histogram.png"))
    assert histogram.read_bytes().startswith(b"\x89PNG")


def test_the_model_has_a_signature_of_the_features_and_an_example(
    registry: Registry, model_version: str
) -> None:
    info = mlflow.models.get_model_info(f"models:/{MODEL_NAME}/{model_version}")
    assert info.signature is not None
    assert info.signature.inputs.input_names() == list(FEATURE_NAMES)
    assert info.saved_input_example_info is not None


def test_an_alias_points_nowhere_until_it_is_set(registry: Registry, model_version: str) -> None:
    assert registry.maybe_alias(CHAMPION) is None
    registry.set_alias(CHAMPION, model_version)
    assert registry.maybe_alias(CHAMPION) == model_version
    registry.drop_alias(CHAMPION)
    assert registry.maybe_alias(CHAMPION) is None


def test_only_an_examined_version_has_passed(registry: Registry, model_version: str) -> None:
    assert not registry.has_passed(model_version)
    registry.tag_examination(model_version, is_passed=True, faults="")
    assert registry.has_passed(model_version)
    registry.tag_examination(model_version, is_passed=False, faults="the scores are constant")
    assert not registry.has_passed(model_version)


def test_the_training_window_can_be_read_again(registry: Registry, model_version: str) -> None:
    window = registry.training_window(model_version)
    assert (window.start, window.end) == (RECORD.window_start, RECORD.window_end)
    assert window.max_rows == RECORD.max_rows
    assert registry.data_version(model_version) == RECORD.data_version
    assert registry.maybe_newest() == model_version


def test_the_first_model_is_promoted_and_a_like_one_after_it(forest: EntityForest) -> None:
    assert weigh(None, forest, rows()).is_granted
    other_seed = train(rows(), ForestSettings(trees=200, samples_per_tree=64, seed=5))
    same_seed = weigh(forest, forest, rows())
    assert same_seed.is_granted
    assert same_seed.rank_correlation == pytest.approx(1.0)
    assert same_seed.alert_ratio == 1.0
    assert weigh(forest, other_seed, rows()).rank_correlation == pytest.approx(1.0, abs=0.4)


def test_a_model_that_ranks_otherwise_or_shouts_is_not_promoted(forest: EntityForest) -> None:
    inverted = rows()
    elsewhere = train((inverted.max() - inverted) * 50.0, SETTINGS)
    refused = weigh(forest, elsewhere, rows())
    assert not refused.is_granted
    assert refused.reason
    shouting = EntityForest(
        forest.pipeline,
        type(forest.reference)(
            feature_names=forest.reference.feature_names,
            quantiles=forest.reference.quantiles,
            threshold=0.0,
            alert_quantile=0.98,
        ),
    )
    assert "times as often, more than" in weigh(forest, shouting, rows()).reason


def test_a_champion_of_another_feature_list_gives_way(forest: EntityForest) -> None:
    old = EntityForest(
        forest.pipeline,
        type(forest.reference)(
            feature_names=("ua_ja4_bits",),
            quantiles=forest.reference.quantiles,
            threshold=forest.reference.threshold,
            alert_quantile=0.98,
        ),
    )
    assert weigh(old, forest, rows()).is_granted

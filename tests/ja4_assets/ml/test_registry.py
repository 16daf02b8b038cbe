"""What goes into MLflow comes back the same, with everything a reviewer asks for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import mlflow
import numpy as np
import polars as pl
import pytest

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.features.frame import ENTITY_HOUR_SCHEMA
from ja4_assets.ml.forest import ForestSettings, model_hash
from ja4_assets.ml.names import CHAMPION, MODEL_NAME
from ja4_assets.ml.registry import Registry, TrainingRecord
from ja4_assets.ml.scaling import CELL, model_matrix
from ja4_assets.ml.training import (
    Candidate,
    TrainingData,
    choose,
    configurations,
    fit,
    maybe_figures,
    split,
)

SETTINGS = ForestSettings(trees=20, samples_per_tree=64)
HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC)
ENTITIES = 400


def entity_hours(seed: int = 1) -> pl.DataFrame:
    """Entity hours of addresses of their own; the first tenth are strange in every feature."""
    rng = np.random.default_rng(seed)
    strangeness = np.where(np.arange(ENTITIES) < ENTITIES // 10, 6.0, 1.0)[:, None]
    values = strangeness * rng.gamma(1.0, 1.0, (ENTITIES, len(FEATURE_NAMES)))
    values[rng.random(values.shape) < 0.1] = np.nan
    keys = {
        "hour": [HOUR] * ENTITIES,
        "client_ip": [f"::ffff:198.51.{n // 250}.{n % 250}" for n in range(ENTITIES)],
        "ja4_stable": ["t13a"] * ENTITIES,
        "host": ["a.test"] * ENTITIES,
    }
    frame = pl.DataFrame({**keys, **dict(zip(FEATURE_NAMES, values.T, strict=True))}, ENTITY_HOUR_SCHEMA)
    return frame.fill_nan(None)


def training_data(seed: int = 1) -> TrainingData:
    entities = entity_hours(seed)
    addresses = entities["client_ip"].str.strip_prefix("::ffff:")
    is_bot = np.arange(ENTITIES) < ENTITIES // 10
    truth = pl.DataFrame(
        {
            "address": addresses,
            "identity": addresses,
            "family": "f",
            "tier": np.where(is_bot, "scanner", "returning"),
            "is_bot": is_bot,
            "amplified": False,
        }
    )
    return split(entities, np.full(ENTITIES, "tool", dtype=object), is_bot, truth, frozenset({"t13a"}))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("mlflow")
    made = Registry(f"sqlite:///{folder}/mlflow.db")
    mlflow.create_experiment("ja4_entity_forest", artifact_location=(folder / "artifacts").as_uri())
    return made


@pytest.fixture(scope="module")
def candidates() -> list[Candidate]:
    return [fit(training_data(), configuration) for configuration in configurations(SETTINGS)]


@pytest.fixture(scope="module")
def record() -> TrainingRecord:
    data = training_data()
    return TrainingRecord(
        window_start=datetime(2026, 11, 1, tzinfo=UTC),
        window_end=datetime(2026, 11, 2, tzinfo=UTC),
        max_rows=1000,
        entity_hours=data.entities.height,
        training_rows=data.training.height,
        data_version="0123456789abcdef",
        dagster_run_id="run",
    )


@pytest.fixture(scope="module")
def model_version(registry: Registry, candidates: list[Candidate], record: TrainingRecord) -> str:
    data = training_data()
    figures = maybe_figures(candidates[0].forest, data, rounds=20)
    return registry.log(candidates, candidates[0], data, figures, record, "select 1")


def test_a_loaded_version_scores_and_calibrates_as_the_trained_one(
    registry: Registry, candidates: list[Candidate], model_version: str
) -> None:
    trained, loaded = candidates[0].forest, registry.load(model_version)
    assert model_hash(loaded.pipeline) == model_hash(trained.pipeline)
    assert loaded.reference == trained.reference
    rows = model_matrix(entity_hours(2))
    scores = trained.anomaly_scores(rows)
    assert np.array_equal(loaded.anomaly_scores(rows), scores)
    tools = np.full(ENTITIES, "tool", dtype=object)
    found, expected = loaded.calibration.p_values(scores, tools), trained.calibration.p_values(scores, tools)
    assert np.array_equal(found[0], expected[0])
    assert loaded.drift is not None
    assert trained.drift is not None
    assert np.array_equal(loaded.drift.rows, trained.drift.rows, equal_nan=True)
    assert loaded.drift.known_ja4 == {"t13a"}


def test_each_configuration_has_a_nested_run_and_the_chosen_one_everything(
    registry: Registry, candidates: list[Candidate], model_version: str, record: TrainingRecord
) -> None:
    runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    (parent,) = [run for run in runs if run not in children]
    assert {run.data.params["configuration"] for run in children} == {
        "published",
        "more_trees",
        "larger_samples",
        "pooled_scale",
    }
    for run in runs:
        assert {"seed", "trees", "data_version", "code_version", "features", "window_start"} <= {
            *run.data.params
        }
        assert run.data.params["data_version"] == record.data_version
        assert {"average_precision", "score_us_per_row", "fidelity_named_bits"} <= {*run.data.metrics}
        found = {artifact.path for artifact in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
        assert {"score_histogram.png", "precision_recall.png", "training_query.sql", "features.json"} <= found
    kept = {artifact.path for artifact in mlflow.MlflowClient().list_artifacts(parent.info.run_id)}
    assert {"top_features.png", "drift.png", "feature_summary.csv", "model_card.md"} <= kept
    card = Path(mlflow.artifacts.download_artifacts(f"runs:/{parent.info.run_id}/model_card.md")).read_text()
    assert record.data_version in card
    assert "| all | average_precision |" in card
    assert "block no client" in card


def test_the_model_has_a_signature_of_the_features_and_an_example(
    registry: Registry, model_version: str
) -> None:
    info = mlflow.models.get_model_info(f"models:/{MODEL_NAME}/{model_version}")
    assert info.signature is not None
    assert info.signature.inputs.input_names() == [*FEATURE_NAMES, CELL]
    assert info.saved_input_example_info is not None


def test_an_alias_points_nowhere_until_it_is_set(registry: Registry, model_version: str) -> None:
    assert registry.maybe_alias(CHAMPION) is None
    registry.set_alias(CHAMPION, model_version)
    assert registry.aliases() == {CHAMPION: model_version}
    registry.drop_alias(CHAMPION)
    assert registry.maybe_alias(CHAMPION) is None


def test_only_a_version_that_passed_has_passed(registry: Registry, model_version: str) -> None:
    assert not registry.has_passed(model_version)
    registry.tag_checks(model_version, [])
    assert registry.has_passed(model_version)
    registry.tag_checks(model_version, ["the scores are constant"])
    assert not registry.has_passed(model_version)


def test_what_never_changes_of_a_version_can_be_read_again(
    registry: Registry, model_version: str, record: TrainingRecord
) -> None:
    facts = registry.facts(model_version)
    assert (facts.window_start, facts.window_end) == (record.window_start, record.window_end)
    assert facts.features == FEATURE_NAMES
    assert facts.training_rows == record.training_rows < record.entity_hours
    assert facts.seed == SETTINGS.seed
    assert registry.data_version(model_version) == record.data_version
    assert registry.maybe_newest() == model_version


def test_the_same_window_gives_the_same_model_twice(candidates: list[Candidate]) -> None:
    again = fit(training_data(), configurations(SETTINGS)[0])
    assert model_hash(again.forest.pipeline) == model_hash(candidates[0].forest.pipeline)
    held_out = candidates[0].forest.calibration.scores
    assert again.forest.calibration.scores.keys() == held_out.keys()
    assert all(np.array_equal(again.forest.calibration.scores[name], held_out[name]) for name in held_out)


def test_the_highest_average_precision_is_chosen_and_the_first_without_labels(
    candidates: list[Candidate],
) -> None:
    best = max(candidates, key=lambda candidate: candidate.average_precision or 0.0)
    assert choose(candidates) is best
    nobody = training_data().truth.clear()
    data = training_data()
    unlabelled = TrainingData(
        data.entities, data.classes, data.is_decided, data.is_held_out, nobody, data.known_ja4
    )
    blind = [fit(unlabelled, configuration) for configuration in configurations(SETTINGS)[:2]]
    assert [candidate.average_precision for candidate in blind] == [None, None]
    assert choose(blind) is blind[0]


def test_what_is_held_out_neither_trains_nor_is_named_a_bot(candidates: list[Candidate]) -> None:
    data = training_data()
    held_out = data.entities.filter(pl.Series(data.is_held_out))
    assert set(held_out["client_ip"]).isdisjoint(data.training["client_ip"])
    (scores,) = candidates[0].forest.calibration.scores.values()
    assert len(scores) == int((data.is_held_out & ~data.is_decided).sum())

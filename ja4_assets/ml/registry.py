"""Models in MLflow: logging a training, loading a version, moving the aliases."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import pandas as pd
import skops.io
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from mlflow.tracking import MlflowClient

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml import report
from ja4_assets.ml.forest import EntityForest, ForestSettings, ScoreReference, model_hash
from ja4_assets.ml.names import EXPERIMENT, MODEL_NAME
from ja4_assets.ml.provenance import code_version

EXAMINATION_TAG = "score_examination"
PASSED = "passed"
REFUSED = "refused"

REFERENCE_FILE = "score_reference.json"
TRUSTED_TYPES = ("sklearn.tree._tree.Tree", "numpy.dtype")
"""What skops may build beyond its own list. Loading uses this list and not the one written in the
model's folder, so that whoever can write to the registry cannot widen it."""

LIBRARIES = ("scikit-learn", "numpy", "pandas", "skops")
EXAMPLE_ROWS = 3


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """What a model was made from; every field becomes a parameter of the MLflow run."""

    window_start: datetime
    window_end: datetime
    max_rows: int
    """Limit of the sample, see `features.frame`."""
    entity_hours: int
    data_version: str
    dagster_run_id: str


@dataclass(frozen=True, slots=True)
class TrainingWindow:
    """Which entity hours a version was trained on."""

    start: datetime
    end: datetime
    max_rows: int


class Registry:
    """The registered model `ja4_entity_forest` in one MLflow store."""

    def __init__(self, tracking_uri: str) -> None:
        mlflow.set_tracking_uri(tracking_uri)
        mlflow.set_registry_uri(tracking_uri)
        self._client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)

    def log(
        self,
        forest: EntityForest,
        matrix: pd.DataFrame,
        settings: ForestSettings,
        record: TrainingRecord,
        query: str,
    ) -> str:
        """Log a training with its plots and register the model; returns the version, without an alias."""
        scores = forest.anomaly_scores(matrix)
        summary = report.feature_summary(forest, matrix, scores)
        mlflow.set_experiment(EXPERIMENT)
        with (
            mlflow.start_run(run_name=f"train {record.window_end:%Y-%m-%d %H:%M}"),
            TemporaryDirectory() as made,
        ):
            mlflow.log_params({**asdict(settings), **{k: str(v) for k, v in asdict(record).items()}})
            mlflow.log_params({"code_version": code_version(), "features": len(FEATURE_NAMES)})
            mlflow.log_metrics(
                {
                    "threshold": forest.reference.threshold,
                    "alert_share": float((scores > forest.reference.threshold).mean()),
                    "score_min": float(scores.min()),
                    "score_median": float(pd.Series(scores).median()),
                    "score_max": float(scores.max()),
                    "observed_share": float(matrix.notna().to_numpy().mean()),
                }
            )
            mlflow.set_tag("model_hash", model_hash(forest.pipeline))
            mlflow.log_text(query, "training_query.sql")
            mlflow.log_dict({"features": list(FEATURE_NAMES)}, "features.json")
            mlflow.log_text(summary.write_csv(), "feature_summary.csv")
            mlflow.log_figure(report.feature_plot(summary), "feature_summary.png")
            mlflow.log_figure(
                report.score_histogram(scores, forest.reference.threshold), "score_histogram.png"
            )
            reference = Path(made) / REFERENCE_FILE
            reference.write_text(json.dumps(asdict(forest.reference)))
            logged = mlflow.sklearn.log_model(
                forest.pipeline,
                name="model",
                serialization_format="skops",
                skops_trusted_types=list(TRUSTED_TYPES),
                signature=infer_signature(matrix.head(EXAMPLE_ROWS), forest.pipeline.predict(matrix.head(1))),
                input_example=matrix.head(EXAMPLE_ROWS),
                # Given, or MLflow would start a process to find them out.
                pip_requirements=[f"{name}=={version(name)}" for name in LIBRARIES],
                extra_files=[str(reference)],
                registered_model_name=MODEL_NAME,
            )
        registered = str(logged.registered_model_version)
        self._client.set_model_version_tag(MODEL_NAME, registered, "data_version", record.data_version)
        return registered

    def load(self, model_version: str) -> EntityForest:
        """Load a version from its artifact."""
        with TemporaryDirectory() as made:
            folder = Path(
                mlflow.artifacts.download_artifacts(f"models:/{MODEL_NAME}/{model_version}", dst_path=made)
            )
            pipeline = skops.io.load(folder / "model.skops", trusted=list(TRUSTED_TYPES))
            stored = json.loads((folder / "extra_files" / REFERENCE_FILE).read_text())
        reference = ScoreReference(
            feature_names=tuple(stored["feature_names"]),
            quantiles=tuple(stored["quantiles"]),
            threshold=stored["threshold"],
            alert_quantile=stored["alert_quantile"],
        )
        return EntityForest(pipeline, reference)

    def maybe_alias(self, alias: str) -> str | None:
        """The version an alias points to; None if it points nowhere yet."""
        try:
            return str(self._client.get_model_version_by_alias(MODEL_NAME, alias).version)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise

    def set_alias(self, alias: str, model_version: str) -> None:
        """Point an alias at a version."""
        self._client.set_registered_model_alias(MODEL_NAME, alias, model_version)

    def drop_alias(self, alias: str) -> None:
        """Point an alias nowhere."""
        self._client.delete_registered_model_alias(MODEL_NAME, alias)

    def tag_examination(self, model_version: str, is_passed: bool, faults: str) -> None:
        """Write down what the blocking check found, for promotion and for the reviewer."""
        verdict = PASSED if is_passed else REFUSED
        self._client.set_model_version_tag(MODEL_NAME, model_version, EXAMINATION_TAG, verdict)
        if faults:
            self._client.set_model_version_tag(MODEL_NAME, model_version, "faults", faults)

    def has_passed(self, model_version: str) -> bool:
        """The blocking check accepted this version."""
        tags = self._client.get_model_version(MODEL_NAME, model_version).tags
        return bool(tags.get(EXAMINATION_TAG) == PASSED)

    def training_window(self, model_version: str) -> TrainingWindow:
        """The window that a version was trained on, from its run's parameters."""
        run_id = str(self._client.get_model_version(MODEL_NAME, model_version).run_id)
        parameters = self._client.get_run(run_id).data.params
        return TrainingWindow(
            start=datetime.fromisoformat(parameters["window_start"]),
            end=datetime.fromisoformat(parameters["window_end"]),
            max_rows=int(parameters["max_rows"]),
        )

    def data_version(self, model_version: str) -> str:
        """Version of the data that a version was trained on."""
        return str(self._client.get_model_version(MODEL_NAME, model_version).tags["data_version"])

    def maybe_newest(self) -> str | None:
        """The version registered last; None while there is none."""
        found = self._client.search_model_versions(f"name = '{MODEL_NAME}'")
        return str(max(int(one.version) for one in found)) if found else None

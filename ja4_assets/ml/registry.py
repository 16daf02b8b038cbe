"""Models in MLflow: logging a training, loading a version, moving the aliases."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import polars as pl
import skops.io
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from mlflow.tracking import MlflowClient

from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.artifact import read_beside, write_beside
from ja4_assets.ml.forest import EntityForest, model_hash
from ja4_assets.ml.names import EXPERIMENT, MODEL_NAME
from ja4_assets.ml.provenance import code_version
from ja4_assets.ml.run_log import log_candidate, log_chosen
from ja4_assets.ml.scaling import model_matrix
from ja4_assets.ml.training import Candidate, TrainingData
from ja4_assets.ml.versions import VersionFacts

CHECKS_TAG = "blocking_checks"
PASSED = "passed"
REFUSED = "refused"

TRUSTED_TYPES = (
    "ja4_assets.ml.absence.DistinctAbsence",
    "ja4_assets.ml.scaling.CellRobustScaler",
    "numpy.dtype",
    "sklearn.tree._tree.Tree",
)
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
    """Read in the window."""
    training_rows: int
    """Those of them that the forest was fitted on; the others are held out."""
    data_version: str
    dagster_run_id: str


class Registry:
    """The registered model `ja4_entity_forest` in one MLflow store."""

    def __init__(self, tracking_uri: str) -> None:
        mlflow.set_tracking_uri(tracking_uri)
        mlflow.set_registry_uri(tracking_uri)
        self._client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)

    def log(
        self,
        candidates: list[Candidate],
        chosen: Candidate,
        data: TrainingData,
        figures: pl.DataFrame | None,
        record: TrainingRecord,
        query: str,
    ) -> str:
        """Log a training, a nested run for each configuration, and register the chosen one, without an alias.

        `figures`: of the chosen one on labelled clients, `evaluation.evaluate`. Returns the version.
        """
        mlflow.set_experiment(EXPERIMENT)
        shared = {
            **{name: str(value) for name, value in asdict(record).items()},
            "code_version": code_version(),
        }
        shared |= {"features": ",".join(FEATURE_NAMES), "configurations": str(len(candidates))}
        with mlflow.start_run(run_name=f"train {record.window_end:%Y-%m-%d %H:%M}") as run:
            for candidate in candidates:
                with mlflow.start_run(run_name=candidate.configuration.name, nested=True):
                    log_candidate(candidate, data, shared, query)
            log_candidate(chosen, data, shared, query)
            log_chosen(chosen, data, figures, shared)
            registered = self._log_model(chosen, data)
        self._client.set_model_version_tag(MODEL_NAME, registered, "data_version", record.data_version)
        self._client.set_model_version_tag(MODEL_NAME, registered, "training_run", run.info.run_id)
        return registered

    def _log_model(self, chosen: Candidate, data: TrainingData) -> str:
        example = model_matrix(data.training.head(EXAMPLE_ROWS))
        pipeline = chosen.forest.pipeline
        with TemporaryDirectory() as made:
            logged = mlflow.sklearn.log_model(
                pipeline,
                name="model",
                serialization_format="skops",
                skops_trusted_types=list(TRUSTED_TYPES),
                signature=infer_signature(example, pipeline.predict(example)),
                input_example=example,
                # Given, or MLflow would start a process to find them out.
                pip_requirements=[f"{name}=={version(name)}" for name in LIBRARIES],
                extra_files=write_beside(chosen.forest, Path(made)),
                registered_model_name=MODEL_NAME,
            )
        mlflow.set_tag("model_hash", model_hash(pipeline))
        return str(logged.registered_model_version)

    def load(self, model_version: str) -> EntityForest:
        """Load a version from its artifact."""
        with TemporaryDirectory() as made:
            folder = Path(
                mlflow.artifacts.download_artifacts(f"models:/{MODEL_NAME}/{model_version}", dst_path=made)
            )
            pipeline = skops.io.load(folder / "model.skops", trusted=list(TRUSTED_TYPES))
            return read_beside(pipeline, folder / "extra_files")

    def aliases(self) -> dict[str, str]:
        """Alias -> version it points to."""
        try:
            found = self._client.get_registered_model(MODEL_NAME).aliases
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return {}
            raise
        return {str(alias): str(number) for alias, number in found.items()}

    def maybe_alias(self, alias: str) -> str | None:
        """The version an alias points to; None if it points nowhere yet."""
        return self.aliases().get(alias)

    def set_alias(self, alias: str, model_version: str) -> None:
        """Point an alias at a version."""
        self._client.set_registered_model_alias(MODEL_NAME, alias, model_version)

    def drop_alias(self, alias: str) -> None:
        """Point an alias nowhere."""
        self._client.delete_registered_model_alias(MODEL_NAME, alias)

    def tag_checks(self, model_version: str, faults: list[str]) -> None:
        """Write down what the blocking checks found, for promotion and for the reviewer."""
        verdict = REFUSED if faults else PASSED
        self._client.set_model_version_tag(MODEL_NAME, model_version, CHECKS_TAG, verdict)
        if faults:
            self._client.set_model_version_tag(MODEL_NAME, model_version, "faults", "; ".join(faults))

    def has_passed(self, model_version: str) -> bool:
        """The blocking checks accepted this version."""
        tags = self._client.get_model_version(MODEL_NAME, model_version).tags
        return bool(tags.get(CHECKS_TAG) == PASSED)

    def facts(self, model_version: str) -> VersionFacts:
        """What never changes of a version, from its run."""
        registered = self._client.get_model_version(MODEL_NAME, model_version)
        run = self._client.get_run(str(registered.tags["training_run"]))
        found = run.data.params
        return VersionFacts(
            model_name=MODEL_NAME,
            model_version=model_version,
            run_id=str(run.info.run_id),
            trained_at=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
            window_start=datetime.fromisoformat(found["window_start"]),
            window_end=datetime.fromisoformat(found["window_end"]),
            training_rows=int(found["training_rows"]),
            features=tuple(found["features"].split(",")),
            code_version=str(found["code_version"]),
            seed=int(found["seed"]),
        )

    def data_version(self, model_version: str) -> str:
        """Version of the data that a version was trained on."""
        return str(self._client.get_model_version(MODEL_NAME, model_version).tags["data_version"])

    def versions(self) -> list[str]:
        """Every version that has passed through `log`, oldest first."""
        found = self._client.search_model_versions(f"name = '{MODEL_NAME}'")
        return [
            str(number) for number in sorted(int(one.version) for one in found if "training_run" in one.tags)
        ]

    def maybe_newest(self) -> str | None:
        """The version registered last; None while there is none."""
        return next(reversed(self.versions()), None)

"""The registered models, how they were measured, and how far the traffic drifted from their training."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import span_parameters
from soc_dashboard.store.rows import Row
from soc_dashboard.window import Window

CHAMPION, CHALLENGER = "champion", "challenger"


class ModelRow(Row, frozen=True, kw_only=True):
    """models: the last state of one version."""

    model_name: str
    model_version: str
    alias: str
    """champion, challenger, or '' for neither."""
    run_id: str
    trained_at: datetime
    window_start: datetime
    window_end: datetime
    training_rows: int
    features: list[str]
    code_version: str
    seed: int
    reason: str
    changed_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """Name and version."""
        return self.model_name, self.model_version


class EvaluationRow(Row, frozen=True, kw_only=True):
    """model_evaluations: the newest measurement of one figure."""

    model_name: str
    model_version: str
    data_set: str
    slice: str
    """Part of the data set; '' for the whole."""
    metric: str
    value: float
    low: float | None
    high: float | None
    identities: int
    note: str
    evaluated_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """Name and version of the model."""
        return self.model_name, self.model_version

    @property
    def figure(self) -> tuple[str, str, str]:
        """What was measured: data set, slice, metric."""
        return self.data_set, self.slice, self.metric


class DriftRow(Row, frozen=True, kw_only=True):
    """model_drift: the newest comparison of one feature."""

    model_name: str
    model_version: str
    feature: str
    """'' in the row of unseen_ja4_share."""
    newest_hour: datetime
    psi: float | None
    ks: float | None
    unseen_ja4_share: float | None
    entity_hours: int

    @property
    def key(self) -> tuple[str, str]:
        """Name and version of the model."""
        return self.model_name, self.model_version


@dataclass(frozen=True, slots=True)
class ModelsReading:
    """One reading of the page; models the newest first."""

    models: tuple[ModelRow, ...]
    evaluations: tuple[EvaluationRow, ...]
    drift: tuple[DriftRow, ...]

    def maybe_with_alias(self, alias: str) -> ModelRow | None:
        """The newest model that has this alias."""
        return next((model for model in self.models if model.alias == alias), None)

    def figures(self) -> list[tuple[str, str]]:
        """Data set and metric of everything that was measured on a whole data set, sorted."""
        return sorted({(row.data_set, row.metric) for row in self.evaluations if not row.slice})

    def history(self, data_set: str, metric: str) -> list[tuple[ModelRow, EvaluationRow]]:
        """The figure of every version that has it, the oldest model first."""
        known = {
            row.key: row
            for row in self.evaluations
            if (row.data_set, row.slice, row.metric) == (data_set, "", metric)
        }
        return [(model, known[model.key]) for model in reversed(self.models) if model.key in known]


async def read_models(marts: MartDatabase, window: Window) -> ModelsReading:
    """Models and measurements of all time, drift within the window. Raises StoreFailedError."""
    models, evaluations, drift = await asyncio.gather(
        marts.fetch("models", ModelRow, {}),
        marts.fetch("model_evaluations", EvaluationRow, {}),
        marts.fetch("model_drift", DriftRow, span_parameters(window)),
    )
    return ModelsReading(tuple(models), tuple(evaluations), tuple(drift))

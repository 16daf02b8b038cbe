"""How far the last day's traffic is from what the champion was trained on."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl

from ja4_assets.defs.models import GROUP, entity_forest_champion
from ja4_assets.features.frame import read_sufficient_entity_hours
from ja4_assets.ml.names import CHAMPION, MODEL_NAME
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.resources.registry import RegistryResource

LIKE_TRAINING = "traffic_is_like_training"
DAY = timedelta(hours=24)
MAX_ROWS = 50_000
"""Entity hours of the day that are compared, sampled by a hash of the key: distances of a sample this large
are right to 0.01."""


@dg.asset(
    group_name=GROUP,
    kinds={"clickhouse"},
    deps=["fct_entity_hour", entity_forest_champion],
    check_specs=[
        dg.AssetCheckSpec(
            name=LIKE_TRAINING,
            asset="model_drift",
            description="No feature of the last day is far from training, and its JA4 are known.",
        )
    ],
)
def model_drift(clickhouse: ClickHouseResource, registry: RegistryResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """PSI and KS of each feature over the 24 hours up to the current one, and the share of unseen JA4."""
    from ja4_assets.ml.drift import drift_faults, measure_drift
    from ja4_assets.ml.scaling import model_matrix

    models = registry.open()
    champion = models.maybe_alias(CHAMPION)
    reference = models.load(champion).drift if champion is not None else None
    if reference is None:
        raise dg.Failure(description="no model is champion yet", allow_retries=False)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    end = hour + timedelta(hours=1)
    with clickhouse.client() as client:
        entities = read_sufficient_entity_hours(client, end - DAY, end, MAX_ROWS)
    drift = measure_drift(reference, model_matrix(entities), entities["ja4_stable"])
    rows = drift.with_columns(
        pl.lit(hour).alias("hour"),
        pl.lit(MODEL_NAME).alias("model_name"),
        pl.lit(champion).alias("model_version"),
        pl.lit(datetime.now(UTC)).alias("computed_at"),
    )
    clickhouse.insert("model_drift", rows)
    faults = drift_faults(drift)
    return dg.MaterializeResult(
        metadata={"entity_hours": entities.height, "model_version": str(champion)},
        check_results=[
            dg.AssetCheckResult(
                check_name=LIKE_TRAINING,
                passed=not faults,
                severity=dg.AssetCheckSeverity.WARN,
                description=" ".join(faults) or None,
                metadata={"largest_psi": float(str(drift["psi"].max() or 0.0))},
            )
        ],
    )

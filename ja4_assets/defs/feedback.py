"""The review queue, hour by hour, in the order that analysts' labels teach."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl

from ja4_assets.defs.models import entity_forest_champion
from ja4_assets.defs.partitions import FEW_HOURS, HOURS, HourWindow
from ja4_assets.defs.verdicts import bot_scores, hours_with_entities
from ja4_assets.ml.names import CHAMPION, MODEL_NAME
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.resources.registry import RegistryResource

GROUP = "feedback"
LABELS_REACH_BACK = timedelta(days=7)
"""The week that a forest is trained on: its leaves say little of what came before, and each refresh reads
these hours once analysts labelled something."""

LABELS = "select count() from dim_label where is_active and label != 'unknown'"


@dg.asset(
    group_name=GROUP,
    kinds={"clickhouse", "scikitlearn"},
    partitions_def=HOURS,
    backfill_policy=FEW_HOURS,
    deps=[bot_scores, "fct_labelled_entity_hour", entity_forest_champion],
    pool="review_ranks",
)
def review_ranks(
    context: dg.AssetExecutionContext, clickhouse: ClickHouseResource, registry: RegistryResource
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The order that labels teach, of every entity hour; nothing while nobody labelled."""
    from ja4_assets.features.frame import KEY_COLUMNS, read_sufficient_entity_hours
    from ja4_assets.feedback.labels import BAD, read_labelled
    from ja4_assets.feedback.review_order import learn
    from ja4_assets.ml.scaling import model_matrix

    if not clickhouse.read(LABELS).item():
        return dg.MaterializeResult(metadata={"labels_used": 0, "entity_hours": 0})
    window = HourWindow.of(context)
    with clickhouse.client() as client:
        labelled, features = read_labelled(client, window.end - LABELS_REACH_BACK, datetime.now(UTC))
    if labelled.is_empty():
        return dg.MaterializeResult(metadata={"labels_used": 0, "entity_hours": 0})
    models = registry.open()
    champion = models.maybe_alias(CHAMPION)
    if champion is None:
        raise dg.Failure(
            description="no model is champion yet: materialise entity_forest_champion first",
            allow_retries=False,
        )
    learnt = learn(models.load(champion), model_matrix(features), (labelled["label"] == BAD).to_numpy())
    ranked = 0
    for hour in hours_with_entities(clickhouse, window):
        with clickhouse.client() as client:
            entities = read_sufficient_entity_hours(client, hour.start, hour.end, 2**62)
        rows = entities.select(KEY_COLUMNS).with_columns(
            pl.Series("review_score", learnt.review_scores(model_matrix(entities)), dtype=pl.Float64),
            pl.lit(learnt.labels, dtype=pl.UInt32).alias("labels_used"),
            pl.lit(MODEL_NAME).alias("model_name"),
            pl.lit(champion).alias("model_version"),
            pl.lit(datetime.now(UTC)).alias("computed_at"),
        )
        ranked += clickhouse.insert("review_ranks", rows)
    return dg.MaterializeResult(
        metadata={"labels_used": learnt.labels, "entity_hours": ranked, "model_version": champion}
    )

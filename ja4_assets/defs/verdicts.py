"""Scores and verdicts, hour by hour. Each hour can be done again: the same rows result."""

from datetime import UTC, datetime

import dagster as dg
import polars as pl

from ja4_assets.defs.decide import decide_hour, share_in_force
from ja4_assets.defs.models import entity_forest_champion, write_down_versions
from ja4_assets.defs.partitions import FEW_HOURS, HOURS, HourWindow
from ja4_assets.defs.verified_bots import bot_identities
from ja4_assets.features.frame import KEY_COLUMNS, read_sufficient_entity_hours
from ja4_assets.ml.names import CHALLENGER, CHAMPION, MODEL_NAME
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.resources.registry import RegistryResource
from ja4_assets.rules.render import ASKED
from ja4_assets.rules.rule import Verdict

GROUP = "verdicts"
EVERY_ROW = 2**62
COVERS_ALL = "covers_every_entity_hour"

HOURS_WITH_ENTITIES = """
select distinct toDateTime64(entity.hour, 6, 'UTC') as hour
from fct_entity_hour as entity
where entity.hour >= {start:DateTime64(6, 'UTC')} and entity.hour < {end:DateTime64(6, 'UTC')}
order by hour
"""

UNSCORED = """
select count() as missing
from fct_entity_hour as entity
left anti join (
    select hour, client_ip, ja4_stable, host
    from bot_scores final
    where
        hour >= {start:DateTime64(6, 'UTC')} and hour < {end:DateTime64(6, 'UTC')}
        and model_name = {model_name:String} and model_version = {model_version:String}
) as score using (hour, client_ip, ja4_stable, host)
where
    entity.is_sufficient
    and entity.hour >= {start:DateTime64(6, 'UTC')} and entity.hour < {end:DateTime64(6, 'UTC')}
"""

ALERTS_ON_RECORD = """
select
    toDateTime64(hour, 6, 'UTC') as hour,
    toString(client_ip) as client_ip,
    toString(ja4_stable) as ja4_stable,
    toString(host) as host,
    toUInt8(1) as was_alert
from bot_scores as score final
where
    score.hour >= {start:DateTime64(6, 'UTC')} and score.hour < {end:DateTime64(6, 'UTC')}
    and score.model_name = {model_name:String} and score.model_version = {model_version:String}
    and score.is_alert = 1
"""
"""Alerts stay alerts while their hour is scored again, until the day is weighed anew (`defs.promise`)."""


def hours_with_entities(clickhouse: ClickHouseResource, window: HourWindow) -> list[HourWindow]:
    """The hours of a window that hold traffic; a day without any costs one query."""
    found = set(clickhouse.read(HOURS_WITH_ENTITIES, window.parameters)["hour"])
    return [hour for hour in window.hours if hour.start in found]


@dg.asset(
    group_name=GROUP,
    kinds={"clickhouse", "scikitlearn"},
    partitions_def=HOURS,
    backfill_policy=FEW_HOURS,
    deps=["fct_entity_hour", entity_forest_champion],
    pool="bot_scores",
    check_specs=[
        dg.AssetCheckSpec(
            name=COVERS_ALL,
            asset="bot_scores",
            description="Every entity hour with enough requests has a score of the champion.",
        )
    ],
)
def bot_scores(
    context: dg.AssetExecutionContext, clickhouse: ClickHouseResource, registry: RegistryResource
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The champion's score for every entity hour with enough requests; a repeated hour replaces its rows.

    The challenger, if there is one, scores the same rows into `shadow_scores`, which no verdict reads.
    """
    from ja4_assets.ml.score import ScoredBy, score_entity_hours, shadow_rows
    from ja4_assets.ml.window import read_classes

    models = registry.open()
    champion, challenger = models.maybe_alias(CHAMPION), models.maybe_alias(CHALLENGER)
    if champion is None:
        raise dg.Failure(
            description="no model is champion yet: materialise entity_forest_champion first",
            allow_retries=False,
        )
    write_down_versions(clickhouse, models, {})
    forest = models.load(champion)
    shadow = models.load(challenger) if challenger is not None and challenger != champion else None
    scored_by = ScoredBy(
        model_name=MODEL_NAME,
        model_version=champion,
        data_version=models.data_version(champion),
        dagster_run_id=context.run.run_id,
        scored_at=datetime.now(UTC),
    )
    window, scored, above = HourWindow.of(context), 0, 0
    of_champion = {"model_name": MODEL_NAME, "model_version": champion}
    for hour in hours_with_entities(clickhouse, window):
        with clickhouse.client() as client:
            entities = read_sufficient_entity_hours(client, hour.start, hour.end, EVERY_ROW)
            classes = read_classes(client, entities, hour.start, hour.end, EVERY_ROW)
        rows = score_entity_hours(forest, entities, classes, scored_by)
        earlier = clickhouse.read(ALERTS_ON_RECORD, {**hour.parameters, **of_champion})
        if earlier.height:
            rows = rows.join(earlier, on=KEY_COLUMNS, how="left", maintain_order="left").with_columns(
                pl.col("was_alert").fill_null(0).alias("is_alert")
            )
        scored += clickhouse.insert("bot_scores", rows.drop("was_alert", strict=False))
        above += rows.filter(rows["anomaly_score"] > rows["threshold"]).height
        if shadow is not None and challenger is not None:
            seen = shadow_rows(shadow, entities, MODEL_NAME, challenger, scored_by.scored_at)
            clickhouse.insert("shadow_scores", seen)
    missing = int(clickhouse.read(UNSCORED, {**window.parameters, **of_champion}).item())
    return dg.MaterializeResult(
        metadata={
            "entity_hours": scored,
            "above_threshold": above,
            "model_version": champion,
            "challenger": str(challenger),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=COVERS_ALL,
                passed=missing == 0,
                metadata={"scored": scored, "missing": missing, "model_version": champion},
            )
        ],
    )


@dg.asset(
    group_name=GROUP,
    kinds={"clickhouse"},
    partitions_def=HOURS,
    backfill_policy=FEW_HOURS,
    deps=[bot_scores, bot_identities, *ASKED],
    pool="verdicts",
)
def verdicts(context: dg.AssetExecutionContext, clickhouse: ClickHouseResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Decisions of rules and model, appended where the outcome differs from the one on record.

    Of the model's cases `promised_alerts`, which weighs the whole day, decides anew where its alerts changed.
    """
    window, decided, counts = HourWindow.of(context), 0, dict.fromkeys(Verdict, 0)
    share = share_in_force(clickhouse)
    for hour in hours_with_entities(clickhouse, window):
        found = decide_hour(clickhouse, hour, share, context.run.run_id)
        decided += found.written
        for verdict, number in found.judged["verdict"].drop_nulls().value_counts().iter_rows():
            counts[Verdict(verdict)] += number
    return dg.MaterializeResult(
        metadata={
            "decisions_written": decided,
            **{f"entity_hours_{verdict.value}": number for verdict, number in counts.items()},
        }
    )

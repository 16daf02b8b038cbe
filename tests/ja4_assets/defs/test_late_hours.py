"""Late hours are asked for once an hour, as ranges of partitions; any hour is one partition to build."""

from __future__ import annotations

import types
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PRIORITY_TAG,
)

from ja4_assets.defs import late_hours
from ja4_assets.defs.partitions import HOURS, HourWindow, hourly_partitions
from ja4_assets.defs.warehouse import window_environment

NOW = datetime(2026, 11, 22, 14, 35, tzinfo=UTC)
HOUR = timedelta(hours=1)
FOUND = (datetime(2026, 11, 21, 3, tzinfo=UTC), datetime(2026, 11, 22, 15, tzinfo=UTC))


class Database:
    """A resource whose client nobody asks anything."""

    @contextmanager
    def client(self) -> Iterator[None]:
        yield None


def evaluate(
    monkeypatch: pytest.MonkeyPatch, window: tuple[datetime, datetime] | None, running: int = 0
) -> list[dg.RunRequest] | dg.SkipReason:
    """What the schedule answers at NOW."""
    asked: list[datetime] = []

    def found(_client: object, now: datetime) -> tuple[datetime, datetime] | None:
        asked.append(now)
        return window

    monkeypatch.setattr(late_hours, "maybe_late_window", found)
    instance = types.SimpleNamespace(
        get_latest_materialization_event=lambda _key: object(), get_runs_count=lambda _filter: running
    )
    context = types.SimpleNamespace(instance=instance, scheduled_execution_time=NOW)
    answer = late_hours.refresh_late_hours._execution_fn.decorated_fn(context, Database())
    assert asked in ([], [NOW.replace(minute=0)])
    return answer


def test_hours_that_differ_are_asked_for_as_runs_of_bounded_length(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = evaluate(monkeypatch, FOUND)
    assert isinstance(answer, list)
    ranges = [
        (run.tags[ASSET_PARTITION_RANGE_START_TAG], run.tags[ASSET_PARTITION_RANGE_END_TAG]) for run in answer
    ]
    assert ranges == [
        ("2026-11-21-03:00", "2026-11-21-08:00"),
        ("2026-11-21-09:00", "2026-11-21-14:00"),
        ("2026-11-21-15:00", "2026-11-21-20:00"),
        ("2026-11-21-21:00", "2026-11-22-02:00"),
        ("2026-11-22-03:00", "2026-11-22-08:00"),
        ("2026-11-22-09:00", "2026-11-22-14:00"),
    ]


def test_late_hours_wait_behind_the_frequent_refresh(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = evaluate(monkeypatch, FOUND)
    assert isinstance(answer, list)
    assert {run.tags[PRIORITY_TAG] for run in answer} == {"-1"}


def test_nothing_is_asked_for_when_nothing_came_or_late_hours_are_being_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(evaluate(monkeypatch, None), dg.SkipReason)
    assert isinstance(evaluate(monkeypatch, FOUND, running=1), dg.SkipReason)


def test_every_hour_that_raw_rows_are_kept_is_one_partition_that_dbt_builds_alone() -> None:
    hours = hourly_partitions(15, NOW)
    keys = hours.get_partition_keys(current_time=NOW)
    assert len(keys) == 15 * 24 + NOW.hour + 1
    for key in (keys[0], keys[100], keys[-1]):
        window = hours.time_window_for_partition_key(key)
        assert window_environment(HourWindow(window.start.astimezone(UTC), window.end.astimezone(UTC))) == {
            "JA4_START_HOUR": f"{window.start:%Y-%m-%d %H:00:00}",
            "JA4_END_HOUR": f"{window.start + HOUR:%Y-%m-%d %H:00:00}",
        }


def test_schedule_and_its_job_are_known_to_the_code_location() -> None:
    from ja4_assets.definitions import defs

    schedule = defs.resolve_schedule_def("refresh_late_hours")
    assert schedule.job_name == "refresh_hours"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert HOURS.get_partition_keys()

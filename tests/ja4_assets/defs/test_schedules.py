"""When the current hour is judged again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from ja4_assets.defs import schedules
from ja4_assets.defs.schedules import refresh_every_2_minutes, refresh_hours

AT = datetime(2026, 11, 22, 14, 6, tzinfo=UTC)


class Runs:
    """An instance as far as the schedule asks it: whether a model was trained, and which runs go on."""

    def __init__(self, is_trained: bool, unfinished: int) -> None:
        self._is_trained, self._unfinished = is_trained, unfinished
        self.asked: list[dg.RunsFilter] = []

    def get_latest_materialization_event(self, key: dg.AssetKey) -> object | None:
        assert key == dg.AssetKey("entity_forest_champion")
        return object() if self._is_trained else None

    def get_runs_count(self, filters: dg.RunsFilter) -> int:
        self.asked.append(filters)
        return self._unfinished


def tick(monkeypatch: pytest.MonkeyPatch, runs: Runs) -> object:
    """What the schedule asks for at AT."""
    context = dg.build_schedule_context(scheduled_execution_time=AT)
    monkeypatch.setattr(type(context), "instance", runs)
    return refresh_every_2_minutes(context)


def test_a_tick_asks_for_the_current_and_the_previous_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    request = tick(monkeypatch, Runs(is_trained=True, unfinished=0))
    assert isinstance(request, dg.RunRequest)
    assert request.tags[ASSET_PARTITION_RANGE_START_TAG] == "2026-11-22-13:00"
    assert request.tags[ASSET_PARTITION_RANGE_END_TAG] == "2026-11-22-14:00"


def test_one_refresh_at_a_time_and_none_before_the_first_training(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(tick(monkeypatch, Runs(is_trained=True, unfinished=1)), dg.SkipReason)
    assert isinstance(tick(monkeypatch, Runs(is_trained=False, unfinished=0)), dg.SkipReason)


def test_a_run_that_a_dead_machine_left_holds_up_nothing_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(is_trained=True, unfinished=0)
    tick(monkeypatch, runs)
    (asked,) = runs.asked
    assert asked.job_name == refresh_hours.name
    assert asked.created_after is not None
    waited = datetime.now(UTC) - asked.created_after
    assert timedelta(minutes=5) < waited <= schedules.GIVEN_UP_AFTER + timedelta(minutes=1)

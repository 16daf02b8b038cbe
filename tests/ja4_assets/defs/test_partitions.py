"""Hours exist as partitions as long as raw rows do, and a window is given to dbt in whole hours, UTC."""

from __future__ import annotations

import types
from datetime import UTC, datetime, timedelta
from typing import cast

import dagster as dg
import pytest

from ja4_assets.defs.partitions import FEW_HOURS, HourWindow, hourly_partitions
from ja4_assets.defs.schedules import hour_range_tags
from ja4_assets.defs.warehouse import window_environment
from ja4_assets.warehouse.run_hours import FEW_REQUESTS_TAG, RUN_HOURS

NOW = datetime(2026, 11, 22, 14, 37, tzinfo=UTC)


def test_partitions_reach_from_the_retention_s_first_midnight_to_the_current_hour() -> None:
    keys = hourly_partitions(15, NOW).get_partition_keys(current_time=NOW)
    assert keys[0] == "2026-11-07-00:00"
    assert keys[-1] == "2026-11-22-14:00"
    assert len(keys) == 15 * 24 + 15


def test_a_window_gives_dbt_its_hours_half_open() -> None:
    window = HourWindow(datetime(2026, 11, 22, 23, tzinfo=UTC), datetime(2026, 11, 23, 1, tzinfo=UTC))
    assert window_environment(window) == {
        "JA4_START_HOUR": "2026-11-22 23:00:00",
        "JA4_END_HOUR": "2026-11-23 01:00:00",
    }
    assert [hour.start.hour for hour in window.hours] == [23, 0]
    assert window.hours[-1].end == window.end


def test_a_run_without_hours_clears_those_of_the_run_before() -> None:
    window = HourWindow(NOW, NOW)
    assert window_environment(None) == dict.fromkeys(window_environment(window), "")


def test_range_tags_name_the_first_and_last_partition() -> None:
    tags = hour_range_tags(datetime(2026, 11, 22, 13, tzinfo=UTC), datetime(2026, 11, 22, 14, tzinfo=UTC))
    assert sorted(tags.values()) == ["2026-11-22-13:00", "2026-11-22-14:00"]
    assert all(key.startswith("dagster/asset_partition_range") for key in tags)


def test_more_hours_than_a_run_takes_are_refused_with_the_way_to_ask() -> None:
    def context(hours: int, *tags: str) -> types.SimpleNamespace:
        window = dg.TimeWindow(NOW, NOW + timedelta(hours=hours))
        run = types.SimpleNamespace(tags=dict.fromkeys(tags, "true"))
        return types.SimpleNamespace(partition_time_window=window, run=run)

    assert len(HourWindow.of(cast("dg.AssetExecutionContext", context(RUN_HOURS))).hours) == RUN_HOURS
    with pytest.raises(dg.Failure, match="launch a backfill"):
        HourWindow.of(cast("dg.AssetExecutionContext", context(RUN_HOURS + 1)))
    few = context(RUN_HOURS + 1, FEW_REQUESTS_TAG)
    assert len(HourWindow.of(cast("dg.AssetExecutionContext", few)).hours) == RUN_HOURS + 1


def test_every_hourly_asset_lets_a_backfill_be_cut_into_such_runs() -> None:
    from ja4_assets.definitions import defs

    graph = defs.resolve_asset_graph()
    hourly = [
        node for key in graph.executable_asset_keys if (node := graph.get(key)).partitions_def is not None
    ]
    assert len(hourly) > 20
    policies = {node.key.to_user_string(): node.backfill_policy for node in hourly}
    assert {name for name, policy in policies.items() if policy != FEW_HOURS} == set()

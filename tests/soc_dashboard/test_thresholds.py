"""Thresholds on the Settings page are those of the detection."""

from __future__ import annotations

import asyncio
import json
import math
from datetime import UTC, datetime

import clickhouse_connect
import pytest

from ja4_assets.detection_settings import DETECTION_SETTINGS
from soc_dashboard.access import ForbiddenError, Role, User, acting_as
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.settings import SettingLog, read_settings
from soc_dashboard.thresholds import THRESHOLDS, ThresholdRefusedError


def test_names_ranges_and_defaults_are_those_of_the_assets() -> None:
    theirs = [(each.name, each.low, each.high, each.default) for each in DETECTION_SETTINGS]
    assert [(each.name, each.low, each.high, each.default) for each in THRESHOLDS] == theirs


@pytest.mark.parametrize("value", [None, math.nan, math.inf, 0.0, 0.51, -1.0])
def test_a_value_out_of_range_is_refused(value: float | None) -> None:
    with pytest.raises(ThresholdRefusedError, match=r"from 0\.001 to 0\.5"):
        THRESHOLDS[0].checked(value, "")


def test_a_threshold_that_was_set_is_read_and_audited(day_marts: MartDatabase, day_dsn: str) -> None:
    times = iter([datetime(2026, 11, 22, 10, tzinfo=UTC), datetime(2026, 11, 22, 11, tzinfo=UTC)])
    log = SettingLog(day_marts, lambda: next(times))
    with acting_as(User("ada", Role.ANALYST)), pytest.raises(ForbiddenError, match="needs the role admin"):
        asyncio.run(log.set("ada", THRESHOLDS[0], 0.02, "too many"))
    with acting_as(User("bob", Role.ADMIN)):
        asyncio.run(log.set("ada", THRESHOLDS[0], 0.02, "too many"))
        asyncio.run(log.set("bob", THRESHOLDS[0], 0.1, "too few"))
    newest = asyncio.run(read_settings(day_marts))["false_alarm_share"]
    assert (newest.value, newest.user, newest.note) == (0.1, "bob", "too few")
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        rows = client.query(
            "select user, target, details from audit_log where action = 'setting' order by at"
        ).result_rows
    assert [(user, target) for user, target, _ in rows] == [
        ("ada", "false_alarm_share"),
        ("bob", "false_alarm_share"),
    ]
    assert json.loads(rows[1][2]) == {"value": 0.1, "note": "too few"}

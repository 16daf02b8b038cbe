"""Thresholds that people set: what is allowed, and what holds."""

from __future__ import annotations

import math

import pytest

from ja4_assets.detection_settings import DETECTION_SETTINGS, settings_in_force


def test_a_setting_that_nobody_set_has_its_default() -> None:
    assert settings_in_force([]) == {"false_alarm_share": 0.05}


def test_the_newest_allowed_value_holds() -> None:
    assert settings_in_force([("false_alarm_share", 0.02)]) == {"false_alarm_share": 0.02}


@pytest.mark.parametrize("value", [0.0, -1.0, 0.6, math.nan, math.inf])
def test_a_value_that_is_not_allowed_changes_nothing(value: float) -> None:
    assert settings_in_force([("false_alarm_share", value)]) == {"false_alarm_share": 0.05}


def test_an_unknown_name_changes_nothing() -> None:
    assert settings_in_force([("drop_everything", 1.0)]) == {"false_alarm_share": 0.05}


def test_every_default_is_allowed() -> None:
    assert all(setting.is_allowed(setting.default) for setting in DETECTION_SETTINGS)
    assert len({setting.name for setting in DETECTION_SETTINGS}) == len(DETECTION_SETTINGS)

"""State and its URL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from soc_dashboard.filters import MAX_TEXT, PageUrl, TableState, TimeRange
from soc_dashboard.window import BARS_WANTED, Window

NOW = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)


def url_of(time_range: TimeRange, table: TableState) -> PageUrl:
    return PageUrl(
        {
            "range": (time_range, "preset"),
            "from": (time_range, "since_s"),
            "to": (time_range, "until_s"),
            "q": (table, "text"),
            "verdict": (table, "verdict"),
            "dir": (table, "descending"),
            "page": (table, "page"),
        }
    )


def test_defaults_leave_the_url_bare() -> None:
    assert url_of(TimeRange(), TableState()).search() == ""


def test_state_survives_the_url() -> None:
    time_range, table = TimeRange(), TableState(text="a&b=c <x>", verdict="bad_bot", descending=False, page=3)
    time_range.zoom(NOW - timedelta(hours=2), NOW)
    search = url_of(time_range, table).search()
    other_range, other_table = TimeRange(), TableState()
    url_of(other_range, other_table).load(dict(parse_qsl(search[1:])))
    assert other_range.window(NOW) == time_range.window(NOW)
    assert (other_table.text, other_table.verdict, other_table.descending, other_table.page) == (
        "a&b=c <x>",
        "bad_bot",
        False,
        3,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"range": "forever"},
        {"range": "custom"},
        {"range": "custom", "from": "5", "to": "1"},
        {"range": "custom", "from": "-9", "to": "99999999999999999999"},
        {"from": "NaN", "page": "x", "verdict": "<b>"},
        {"page": "0"},
    ],
)
def test_nonsense_in_the_url_gives_the_default_range(arguments: dict[str, str]) -> None:
    time_range, table = TimeRange(), TableState()
    url_of(time_range, table).load(arguments)
    assert time_range.window(NOW) == Window(NOW - timedelta(hours=24), NOW)
    assert table.page == 1


def test_zoom_can_be_undone_step_by_step() -> None:
    time_range = TimeRange(preset="6h")
    time_range.zoom(NOW - timedelta(hours=3), NOW - timedelta(hours=2))
    time_range.zoom(NOW - timedelta(minutes=150), NOW - timedelta(minutes=140))
    time_range.zoom_back()
    assert time_range.window(NOW).length == timedelta(hours=1)
    time_range.zoom_back()
    assert (time_range.preset, time_range.is_live) == ("6h", True)


def test_later_never_passes_now() -> None:
    time_range = TimeRange(preset="1h")
    time_range.move(NOW, -1)
    assert not time_range.is_live
    assert time_range.window(NOW).until <= NOW - timedelta(minutes=59)
    time_range.move(NOW, 1)
    assert time_range.is_live


@pytest.mark.parametrize("hours", [1, 6, 24, 168])
def test_presets_have_a_readable_number_of_bars(hours: int) -> None:
    window = Window(NOW - timedelta(hours=hours), NOW)
    bars = window.length.total_seconds() / window.bucket_s
    assert 20 <= bars <= BARS_WANTED


def test_comparison_prefers_the_week_before_and_admits_when_there_is_none() -> None:
    window = Window(NOW - timedelta(hours=1), NOW)
    week = timedelta(days=7)
    assert window.comparison(NOW - timedelta(days=9)) == window.earlier(week)
    assert window.comparison(NOW - timedelta(hours=5)) == window.earlier(timedelta(hours=1))
    assert window.comparison(NOW - timedelta(minutes=90)) is None
    assert window.comparison(None) is None


def test_filter_text_is_bounded_and_without_nul() -> None:
    assert TableState(text="\0" + "x" * 900).needle == "x" * MAX_TEXT

"""Values become text, whatever they hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from types import ModuleType

import pytest

from soc_dashboard.components.kpi import change, sparkline
from soc_dashboard.components.markup import (
    ago_text,
    compact,
    middle_cut,
    mono,
    number,
    percent,
    text,
    visible,
)


class Tags(HTMLParser):
    """Collects the tags of a document."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}


def test_hostile_values_bring_no_tag_and_no_handler(mart_tables: ModuleType) -> None:
    for value in mart_tables.HOSTILE_TEXTS:
        plain, framed = Tags(text(value)), Tags(mono(value))
        assert plain.names == []
        assert set(framed.names) <= {"span", "button", "svg", "path"}
        assert not [name for name in framed.attributes if name.startswith("on")]


def test_direction_and_control_characters_are_written_out() -> None:
    assert visible("abc\u202ecod.exe") == "abc\\u{202e}cod.exe"
    assert visible("a\0b\nc") == "a\\u{0}b\\u{a}c"
    assert visible("Zürich 東京") == "Zürich 東京"


def test_long_values_are_cut() -> None:
    assert len(visible("A" * 10_240)) == 401
    assert middle_cut("t13d1517h2_8daaf6152771_cb7bf5808d99", 20) == "t13d1517h2_8…5808d99"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (47525, "47\u202f525"),
        (123456, "123.5\u202fk"),
        (12_345_678, "12.3\u202fM"),
        (2.5e9, "2.5\u202fG"),
    ],
)
def test_compact_numbers(value: float, shown: str) -> None:
    assert compact(value) == shown


def test_nothing_observed_is_a_dash_and_not_zero() -> None:
    assert percent(None) == number(None) == "–"
    assert percent(0.0) == "0.0\u202f%"


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (120, 100, "+20 % vs x"),
        (50, 100, "−50 % vs x"),
        (3, 0, "new, none vs x"),
        (0, 0, "none vs x"),
        (5, None, "no earlier data"),
    ],
)
def test_change_in_words(now: float, before: float | None, words: str) -> None:
    assert change(now, before, "vs x").striptags() == words


def test_relative_time() -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert ago_text(now - timedelta(minutes=3), now) == "3\u202fmin ago"
    assert ago_text(now, now) == "just now"


def test_sparkline_needs_two_values_and_breaks_at_gaps() -> None:
    assert sparkline([1.0]) == ""
    assert sparkline([1, 2, None, 3, 4]).count("M") == 4

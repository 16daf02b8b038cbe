"""Every line of a live source is an event, or is booked and told without filling the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture_agent.intake.limited_report import SHOWN_PER_WINDOW
from capture_agent.intake.line_buffer import LineBuffer


def test_gap_counts_across_events_of_every_kind(desk: Any, event_line: Callable[..., bytes]) -> None:
    """mod_reqin_log numbers all that a child sends, not only requests."""
    intake = desk.intake
    assert intake.take(b'{"ev":"source","source_id":"c","source_seq":1,"state":"start"}') is None
    assert intake.take(event_line(source_id="c", source_seq=2)) is not None
    assert intake.take(b'{"ev":"close","source_id":"c","source_seq":3}') is None
    assert intake.take(event_line(source_id="c", source_seq=4)) is not None
    assert intake.counts.lost == 0
    assert intake.take(event_line(source_id="c", source_seq=9)) is not None
    assert (intake.counts.events, intake.counts.rejected, intake.counts.lost) == (3, 0, 4)


def test_repeated_number_is_rejected_and_not_handed_out_twice(
    desk: Any, event_line: Callable[..., bytes]
) -> None:
    line = event_line(source_id="c", source_seq=7)
    assert desk.intake.take(line) is not None
    assert desk.intake.take(line) is None
    assert desk.intake.counts.rejected == 1
    assert desk.said == ["test: number 7 of 'c' came before"]


def test_refused_line_with_a_number_is_rejected_and_not_lost_too(
    desk: Any, event_line: Callable[..., bytes]
) -> None:
    desk.intake.take(event_line(source_id="c", source_seq=1))
    assert desk.intake.take(event_line(source_id="c", source_seq=2, status="many")) is None
    desk.intake.take(event_line(source_id="c", source_seq=3))
    assert (desk.intake.counts.rejected, desk.intake.counts.lost) == (1, 0)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\x00\x01",
        b"[]",
        b'"text"',
        b'{"ev":"end"}',
        b'{"ev":7}',
        b"[" * 100_000,
        b'{"ev":"close","source_id":"c","source_seq":-1}',
        b'{"ev":"close","source_id":"c","source_seq":99999999999999999999}',
        None,
    ],
)
def test_hostile_line_is_rejected(desk: Any, line: bytes | None) -> None:
    assert desk.intake.take(line) is None
    assert desk.intake.counts.rejected == 1
    assert len(desk.said) == 1


@pytest.mark.parametrize(
    "changed", [{"source_seq": -1}, {"source_seq": 1 << 63}, {"headers": [["a"]]}, {"t_us": 1.5}]
)
def test_event_with_a_wrong_value_is_rejected(
    desk: Any, event_line: Callable[..., bytes], changed: dict[str, object]
) -> None:
    assert desk.intake.take(event_line(source_id="c", **changed)) is None
    assert (desk.intake.counts.rejected, desk.intake.counts.lost) == (1, 0)


def test_blank_lines_are_nothing(desk: Any) -> None:
    assert [desk.intake.take(line) for line in (b"", b" ", b"\r")] == [None] * 3
    assert (desk.intake.counts.rejected, desk.said) == (0, [])


def test_flood_of_bad_lines_says_a_few_a_minute_and_then_how_many_more(desk: Any) -> None:
    for _ in range(1_000):
        desk.intake.take(b"{")
    assert len(desk.said) == SHOWN_PER_WINDOW
    desk.now_s += 61
    desk.intake.take(b"{")
    assert desk.said[SHOWN_PER_WINDOW] == f"{1_000 - SHOWN_PER_WINDOW} more of this kind: unreadable line"
    assert len(desk.said) == SHOWN_PER_WINDOW + 2
    assert desk.intake.counts.rejected == 1_001


def test_flood_of_one_kind_does_not_silence_another(desk: Any) -> None:
    for _ in range(100):
        desk.intake.take(b"{")
    desk.intake.take(None)
    assert desk.said[-1] == "test: a line is too long"


def test_message_cannot_forge_a_line_of_the_log(desk: Any, event_line: Callable[..., bytes]) -> None:
    line = event_line(source_id="x\nja4-agent: all is well", source_seq=1)
    desk.intake.take(line)
    desk.intake.take(line)
    assert "\n" not in desk.said[0]


def test_drops_that_a_source_reports_are_told(desk: Any) -> None:
    desk.intake.take(
        b'{"ev":"source","source_id":"c","source_seq":5,"state":"dropped","dropped_full":12,"dropped_long":0}'
    )
    assert "'c' has dropped 12 events because its buffer was full" in desk.said[0]
    assert desk.intake.counts.rejected == 0


@given(st.binary(max_size=400), st.lists(st.integers(1, 50), max_size=12), st.integers(1, 40))
def test_lines_are_the_same_however_the_bytes_are_cut(content: bytes, cuts: list[int], limit: int) -> None:
    pieces, rest = [], content
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    pieces.append(rest)
    whole, cut_up = (LineBuffer(limit, skips_holes=len(cuts) % 2 == 0) for _ in range(2))
    expected = whole.feed(content)
    assert [line for piece in pieces for line in cut_up.feed(piece)] == expected
    assert cut_up.held_bytes <= limit
    assert cut_up.take_rest() == whole.take_rest()


@given(st.binary(max_size=400), st.booleans())
def test_lines_within_the_limit_are_those_of_the_input(content: bytes, skips_holes: bool) -> None:
    lines = LineBuffer(400, skips_holes=skips_holes)
    found = [*lines.feed(content), lines.take_rest()]
    expected = content.split(b"\n")
    assert found == ([line.lstrip(b"\0") for line in expected] if skips_holes else expected)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_lines_are_booked_one_by_one(desk: Any, lines: list[bytes]) -> None:
    counts = desk.intake.counts
    before = counts.events + counts.rejected
    for line in lines:
        desk.intake.take(line)
    written = [line for line in lines if line and not line.isspace()]
    assert counts.events + counts.rejected - before == len(written)

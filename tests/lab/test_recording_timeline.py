"""Times of the lab become times of the recording: pauses as long as they were meant, all else as it was."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab.recording.timeline import Pause, Timeline, read_pauses

SECOND = 1_000_000
ONE_PAUSE = Timeline(0, [Pause(10 * SECOND, 12 * SECOND, 40 * SECOND)], 20 * SECOND)


@pytest.mark.parametrize(
    ("lab_s", "recording_s"), [(0, 0), (9, 9), (10, 10), (11, 30), (12, 50), (13, 51), (20, 58)]
)
def test_time_runs_twenty_times_as_fast_in_a_pause_of_forty_seconds_that_took_two(
    lab_s: int, recording_s: int
) -> None:
    assert ONE_PAUSE.since_start_us(lab_s * SECOND) == recording_s * SECOND


def test_the_length_includes_what_pauses_stand_for() -> None:
    assert ONE_PAUSE.length_us == 58 * SECOND


def test_a_pause_that_took_longer_than_meant_is_left_as_it_was() -> None:
    timeline = Timeline(0, [Pause(SECOND, 3 * SECOND, SECOND)], 5 * SECOND)
    assert [timeline.since_start_us(at * SECOND) for at in range(6)] == [at * SECOND for at in range(6)]


def test_lines_of_the_clients_are_read_in_order_of_time() -> None:
    assert read_pauses("30 40 5\n10 20 7\n") == [Pause(10, 20, 7), Pause(30, 40, 5)]


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50), st.integers(0, 10_000)), max_size=8),
    st.lists(st.integers(0, 1_000), min_size=2, max_size=20),
)
def test_order_is_kept(drawn: list[tuple[int, int, int]], moments: list[int]) -> None:
    pauses, at = [], 0
    for gap, length, meant in drawn:
        pauses.append(Pause(at + gap, at + gap + length, meant))
        at += gap + length
    timeline = Timeline(0, pauses, at)
    moved = [timeline.since_start_us(moment) for moment in sorted(moments)]
    assert moved == sorted(moved)
    assert all(later >= moment for later, moment in zip(moved, sorted(moments), strict=True))

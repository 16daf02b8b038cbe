"""Frames of several captures come out in the order of their time, whatever the order of arrival."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.agent.running_order import FrameOrder
from capture_agent.wire.frame import Frame, frame_of


def frame(ts_us: int) -> Frame:
    return frame_of(b"", ts_us, 1)


def times(frames: object) -> list[int]:
    return [one.ts_us for one in frames]  # type: ignore[attr-defined]


def test_single_capture_is_never_held() -> None:
    order = FrameOrder(1)
    assert times(order.add(0, [frame(5), frame(7)])) == [5, 7]
    assert times(order.note_seen(0, 9)) == []
    assert order.seen_until_us == 9


def test_frame_waits_until_the_other_capture_has_passed_its_time() -> None:
    order = FrameOrder(2)
    assert times(order.add(0, [frame(10), frame(30)])) == []
    assert order.seen_until_us == -1
    assert times(order.add(1, [frame(20)])) == [10, 20]
    assert times(order.note_seen(1, 25)) == []
    assert order.seen_until_us == 25
    assert times(order.note_seen(1, 40)) == [30]


def test_capture_that_ended_holds_nobody_up() -> None:
    order = FrameOrder(2)
    order.add(0, [frame(10)])
    assert times(order.note_seen(1, math.inf)) == [10]
    assert order.seen_until_us == 10
    assert times(order.note_seen(0, math.inf)) == []


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 1_000), max_size=20).map(sorted), min_size=2, max_size=4), st.randoms()
)
def test_nothing_is_lost_and_all_is_sorted(captures: list[list[int]], random: object) -> None:
    order = FrameOrder(len(captures))
    waiting = [list(one) for one in captures]
    out: list[int] = []
    while any(waiting):
        number = random.choice([n for n, one in enumerate(waiting) if one])  # type: ignore[attr-defined]
        count = random.randint(1, len(waiting[number]))  # type: ignore[attr-defined]
        taken, waiting[number] = waiting[number][:count], waiting[number][count:]
        out += times(order.add(number, [frame(ts) for ts in taken]))
    for number in range(len(captures)):
        out += times(order.note_seen(number, math.inf))
    assert out == sorted(ts for one in captures for ts in one)

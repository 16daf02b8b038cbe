"""Lines put together from ready pieces are those that the row gives, byte for byte."""

from __future__ import annotations

import random
from types import ModuleType

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from capture_agent.agent.hello_lines import HelloLines
from capture_agent.agent.quick_lines import MAX_SPELT_HELLOS, QuickLines
from capture_agent.flows.flow_events import FlowEvent, HelloSeen
from capture_agent.flows.packet_path import PacketPath


def events_of(frames: list[object]) -> list[FlowEvent]:
    path = PacketPath("sensor")
    return [event for frame in frames for event in path.feed(frame)] + path.finish(0)  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), with_skeleton=st.booleans(), sensor=st.text(max_size=8))
def test_any_hello_gives_the_line_of_its_row(
    seed: int, with_skeleton: bool, sensor: str, conversations: ModuleType
) -> None:
    events = events_of(conversations.captured(random.Random(seed)))
    expected = HelloLines(sensor, with_skeleton=with_skeleton)(events)
    assert QuickLines(sensor, with_skeleton=with_skeleton)(events) == expected


def test_pieces_are_kept_of_a_bounded_number_of_hellos(conversations: ModuleType) -> None:
    frames = conversations.captured(random.Random(7), connections=40)
    hello = next(
        event for event in events_of(frames) if isinstance(event, HelloSeen) and event.message is not None
    )
    quick, plain = QuickLines("s", with_skeleton=True), HelloLines("s", with_skeleton=True)
    suites = 39 + hello.message[38]
    for number in range(2 * MAX_SPELT_HELLOS):
        own = bytearray(hello.message)
        own[suites + 2 : suites + 4] = number.to_bytes(2, "big")
        seen = replace(hello, message=bytes(own))
        assert quick([seen]) == plain([seen])
    assert quick.spelt_hellos == MAX_SPELT_HELLOS

"""Every bound of the flow table is reached, holds, and is counted."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

from capture_agent.events import Quality
from capture_agent.flows.client_stream import MAX_SEGMENTS
from capture_agent.flows.flow_events import CloseReason

ACK = 0x10


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def balance(feeder: Any) -> None:
    """What was opened is closed, evicted or still there."""
    counters = feeder.table.counters
    gone = counters.flows_closed + counters.flows_evicted_idle + counters.flows_evicted_full
    assert counters.flows_opened == gone + len(feeder.table)


def test_half_open_connections_are_bounded_and_counted(kit: Any) -> None:
    feeder = kit.feeder(max_half_open=256)
    for number in range(5000):
        feeder.feed([kit.conversation(client=address(number)).syn()])
    assert len(feeder.table.tcp.half_open) <= 256
    assert feeder.table.counters.flows_evicted_full >= 5000 - 256
    assert feeder.events == []
    balance(feeder)


def test_half_open_connections_are_forgotten_after_their_time(kit: Any) -> None:
    feeder = kit.feeder()
    feeder.feed([kit.conversation().syn()])
    feeder.wait(45_000_000)
    assert len(feeder.table) == 0
    assert feeder.table.counters.flows_evicted_idle == 1


def test_established_connections_are_bounded_and_the_stalest_give_way(kit: Any) -> None:
    feeder = kit.feeder(max_flows=128)
    busy = kit.conversation(client="192.0.2.1")
    feeder.feed(busy.opening())
    for number in range(1000):
        feeder.feed([*kit.conversation(client=address(number)).opening(), busy.answer(b"x")])
    assert len(feeder.table.tcp.flows) <= 2 * 128
    assert busy.key in feeder.table.tcp.flows
    assert {closed.reason for closed in feeder.closed} == {CloseReason.TABLE_FULL}
    balance(feeder)


def test_incomplete_hellos_share_one_budget_of_bytes(kit: Any, hello_stream: Callable[[str], bytes]) -> None:
    stream = hello_stream("chromium-headless-new")
    feeder = kit.feeder(max_buffered_bytes=20_000)
    for number in range(100):
        talk = kit.conversation(client=address(number))
        feeder.feed([*talk.opening(), talk.data(stream[:1000])])
    evicted = feeder.table.counters.streams_evicted_bytes
    assert 80 <= evicted < 100
    assert [hello.quality for hello in feeder.hellos] == [Quality.TRUNCATED] * evicted


def test_a_stream_of_too_many_segments_is_given_up(kit: Any, hello_stream: Callable[[str], bytes]) -> None:
    stream = hello_stream("curl-h2")
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([*talk.opening(), *(talk.data(stream[at : at + 1], at) for at in range(MAX_SEGMENTS + 5))])
    assert feeder.table.counters.streams_evicted_segments == 1
    assert [hello.quality for hello in feeder.hellos] == [Quality.TRUNCATED]


def test_a_stream_of_too_many_waiting_bytes_is_given_up(kit: Any) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([*talk.opening(), talk.data(bytes(60_000), 10), talk.data(bytes(60_000), 20_000)])
    assert feeder.table.counters.streams_evicted_bytes == 1
    assert feeder.table.tcp.flows[talk.key].stream is None


def test_a_segment_outside_every_window_is_left_alone(kit: Any, hello_stream: Callable[[str], bytes]) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([*talk.opening(), talk.data(b"far", 5_000_000), talk.data(hello_stream("curl-h2"))])
    assert [hello.quality for hello in feeder.hellos] == [Quality.COMPLETE]


def test_a_hello_must_be_whole_in_time(kit: Any, hello_stream: Callable[[str], bytes]) -> None:
    feeder, talk = kit.feeder(hello_us=20_000_000), kit.conversation()
    feeder.feed([*talk.opening(), talk.data(hello_stream("curl-h2")[:100])])
    feeder.wait(10_000_000)
    assert feeder.hellos == []
    feeder.wait(11_000_000)
    assert [hello.quality for hello in feeder.hellos] == [Quality.TRUNCATED]
    assert feeder.table.counters.streams_evicted_timeout == 1
    assert feeder.closed == []


def test_a_searched_connection_holds_nothing_but_its_entry(
    kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    stream = hello_stream("curl-h2")
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed(
        [*talk.opening(), talk.data(stream), talk.data(b"\x17\x03\x03\0\x10" + bytes(16), len(stream))]
    )
    flow = feeder.table.tcp.flows[talk.key]
    assert flow.stream is None
    assert flow.epoch is None


def test_a_flood_of_half_open_connections_takes_half_a_kilobyte_each(kit: Any) -> None:
    feeder = kit.feeder(max_half_open=4_000)
    tracemalloc.start()
    for number in range(6_000):
        feeder.table.feed(kit.conversation(client=address(number), isn=number << 8).syn(), feeder.now_us)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 4_000 * 512


def test_the_books_balance_at_the_end(kit: Any, hello_stream: Callable[[str], bytes]) -> None:
    feeder = kit.feeder()
    for number in range(20):
        talk = kit.conversation(client=address(number))
        feeder.feed(talk.opening()[: 1 + number % 3])
        if number % 2:
            feeder.feed([talk.data(hello_stream("curl-h2"))])
    feeder.finish()
    assert len(feeder.table) == 0
    assert len(feeder.opened) == len(feeder.closed)
    balance(feeder)

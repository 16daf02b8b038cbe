"""The order in which the running agent takes in packets and requests."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import structlog

from capture_agent.agent.running import LiveAgent
from capture_agent.agent.running_delivery import Delivery
from capture_agent.agent.running_pumps import Captured, Inbox, Reported, SeenUntil
from capture_agent.events import HttpEvent, HttpRequest, JoinState
from capture_agent.pipeline import Pipeline, PipelineSettings
from capture_agent.ports import RowCounts
from capture_agent.rows import Row
from capture_agent.sink.at_once import WritesAtOnce
from capture_agent.wire.frame import frame_of

if TYPE_CHECKING:
    from tests.capture_agent.conftest import FrameBuilder

US_PER_S = 1_000_000


class IdlePump:
    """Stands for a thread whose messages the test has put into the inbox itself."""

    name, drops, fill_ratio, is_up, rejected, lost = "test", 0, 0.0, True, 0, 0

    def __init__(self) -> None:
        self.source = self

    def start(self) -> None:
        """Nothing to start."""

    stop = note_taken = start

    def has_ended(self) -> bool:
        return True

    def note_stored(self, handed_out_before_s: float) -> None:
        assert handed_out_before_s


class ListSink(WritesAtOnce):
    """Keeps the rows."""

    def __init__(self) -> None:
        self.counts = RowCounts()
        self.rows: list[Row] = []

    def write(self, rows: Sequence[Row]) -> None:
        self.rows += rows

    def flush(self) -> None:
        self.counts.inserted = len(self.rows)

    def close(self) -> None:
        """Nothing is held."""


def test_request_waits_for_the_packets_of_its_time_however_far_the_agent_is_behind(
    build: FrameBuilder, hello_stream: Callable[[str], bytes]
) -> None:
    """The hello stands in the inbox seconds of packets behind the request, far more than a join may wait."""
    start_us = time.time_ns() // 1_000 + US_PER_S
    hello_us = start_us + 5 * US_PER_S
    other = build.ethernet_for(build.ipv4(build.tcp(sport=999, flags=2)))
    segments = [
        build.tcp(seq=999, flags=2, options=build.syn_options),
        build.tcp(hello_stream("curl-h2"), seq=1000, ack=1),
    ]
    frames = [build.ethernet_for(build.ipv4(segment)) for segment in segments]
    event = HttpEvent(
        t_us=hello_us + 2_000,
        src_ip=build.client,
        src_port=40_000,
        dst_ip=build.server,
        dst_port=443,
        method="GET",
        unparsed_uri="/",
        proto="HTTP/1.1",
        status=200,
        scheme="https",
        headers=(),
    )
    inbox: Inbox = queue.SimpleQueue()
    inbox.put(Reported(hello_us + 3_000, 0, event))
    for second in range(5):
        inbox.put(Captured(0, [frame_of(other, start_us + second * US_PER_S, 1)]))
    inbox.put(Captured(0, [frame_of(frame, hello_us + at, 1) for at, frame in enumerate(frames)]))
    inbox.put(SeenUntil(0, hello_us + US_PER_S))

    sink = ListSink()
    delivery = Delivery("test", lambda: sink, structlog.get_logger(), max_rows=100, max_age_s=0.01)
    pump: Any = IdlePump()
    pipeline = Pipeline(PipelineSettings("test", 1))
    agent = LiveAgent(
        pipeline, inbox, [pump], [pump], [delivery], structlog.get_logger(), stop_s=5, settled_after_us=1
    )
    stop = threading.Event()
    stop.set()
    assert agent.run(stop) is None
    [request] = [row for row in sink.rows if isinstance(row, HttpRequest)]
    assert request.join_state is JoinState.MATCHED
    assert request.hello_to_request_us == 2_000 - 1

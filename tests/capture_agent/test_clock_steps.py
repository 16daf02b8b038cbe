"""The host's clock jumps by an hour, forwards and back: nothing breaks, joins go on, the books balance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from capture_agent.events import AgentTick, HttpEvent, HttpRequest, JoinState
from capture_agent.pipeline import Pipeline, PipelineSettings
from capture_agent.rows import Row
from capture_agent.wire.frame import frame_of

START_US = 1_795_350_000_000_000
HOUR_US = 3_600_000_000
SECOND_US = 1_000_000
ETHERNET = 1
SYN, ACK = 0x02, 0x18


def visit(pipeline: Pipeline, build: Any, hello: bytes, port: int, now_us: int) -> list[Row]:
    """A connection with its hello and, 5 ms later, the request that came over it."""
    frames = (
        build.tcp(b"", sport=port, seq=1_000, flags=SYN),
        build.tcp(hello, sport=port, seq=1_001, flags=ACK),
    )
    rows: list[Row] = []
    for place, packet in enumerate(frames):
        octets = build.ethernet_for(build.ipv4(packet))
        rows += pipeline.feed(frame_of(octets, now_us + place * 1_000, ETHERNET))
    rows += pipeline.note(
        HttpEvent(
            t_us=now_us + 5_000,
            src_ip=build.client,
            src_port=port,
            dst_ip=build.server,
            dst_port=443,
            method="GET",
            unparsed_uri="/",
            proto="HTTP/1.1",
            status=200,
            headers=(),
            scheme="https",
        )
    )
    return rows + pipeline.advance(now_us + 10_000)


@pytest.mark.parametrize("steps", [(HOUR_US,), (-HOUR_US,), (HOUR_US, -HOUR_US), (-HOUR_US, HOUR_US)])
def test_joins_go_on_over_a_step_of_the_clock(
    build: Any, hello_stream: Callable[[str], bytes], steps: tuple[int, ...]
) -> None:
    pipeline = Pipeline(PipelineSettings("test", 1))
    hello = hello_stream("curl-h2")
    now_us, port, rows = START_US, 40_000, []
    for step in (0, *steps):
        now_us += step
        for _ in range(20):
            rows += visit(pipeline, build, hello, port, now_us)
            port, now_us = port + 1, now_us + SECOND_US
    rows += pipeline.finish()
    requests = [row for row in rows if isinstance(row, HttpRequest)]
    assert len(requests) == 20 * (1 + len(steps))
    late = [row.join_state for row in requests if row.src_port >= 40_000 + 20 * len(steps)]
    assert late == [JoinState.MATCHED] * 20
    ticks = [row for row in rows if isinstance(row, AgentTick)]
    assert sum(tick.http_events_seen for tick in ticks) == len(requests)
    matched = sum(row.join_state is JoinState.MATCHED for row in requests)
    assert sum(tick.requests_matched for tick in ticks) == matched == len(requests)

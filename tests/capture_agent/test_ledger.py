"""What the ledger tells of a minute besides the joins: the clocks, and what each bound cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from capture_agent.agent.clock_report import clock_sentence
from capture_agent.correlate.correlator import CorrelatorLimits
from capture_agent.correlate.epochs import EpochLimits
from capture_agent.events import AgentTick, HttpEvent
from capture_agent.pipeline import Pipeline, PipelineSettings
from capture_agent.wire.frame import frame_of

START_US = 1_795_350_000_000_000
ETHERNET = 1
SYN = 0x02
CONNECTIONS = 40


def https_event(at_us: int, port: int) -> HttpEvent:
    return HttpEvent(
        t_us=at_us,
        src_ip="198.51.100.7",
        src_port=port,
        dst_ip="203.0.113.9",
        dst_port=443,
        method="GET",
        unparsed_uri="/",
        proto="HTTP/1.1",
        status=200,
        scheme="https",
        headers=(),
    )


def play(pipeline: Pipeline, build: Any, hello: bytes, event_clock_us: int) -> AgentTick:
    """Connections of one request each, which the server reads 2 ms after the hello; returns the tick."""
    pipeline.advance(START_US)
    for number in range(CONNECTIONS):
        at_us, port = START_US + 10 + number * 10_000, 40_000 + number
        segments = (
            build.tcp(sport=port, seq=1, flags=SYN, options=build.syn_options),
            build.tcp(hello, sport=port, seq=2),
        )
        for segment in segments:
            pipeline.feed(frame_of(build.ethernet(build.ipv4(segment)), at_us, ETHERNET))
        pipeline.advance(at_us + 2_000)
        pipeline.note(https_event(at_us + 2_000 + event_clock_us, port))
    (tick,) = [row for row in pipeline.finish() if isinstance(row, AgentTick)]
    return tick


def test_clock_skew_is_what_the_offset_in_use_leaves(
    build: Any, hello_stream: Callable[[str], bytes]
) -> None:
    """The server's clock is 500 ms behind, of which the settings know 400."""
    limits = CorrelatorLimits(clock_offset_us=-400_000)
    pipeline = Pipeline(PipelineSettings("test", 1, correlator=limits))
    tick = play(pipeline, build, hello_stream("curl-h2"), event_clock_us=-500_000)
    assert tick.clock_skew_us == -100_000 + 2_000
    sentence = clock_sentence(pipeline)
    assert "is 98.0 ms behind that of the packets" in sentence
    assert sentence.endswith("CLOCK_OFFSET_US=-498000")


def test_clock_skew_is_unknown_before_there_was_traffic() -> None:
    pipeline = Pipeline(PipelineSettings("test", 1))
    pipeline.advance(START_US)
    assert clock_sentence(pipeline).startswith("clock skew unknown: fewer than 20 connections")
    (tick,) = pipeline.finish()
    assert isinstance(tick, AgentTick)
    assert tick.clock_skew_us is None
    assert "clock_skew_us" not in pipeline.totals()


def test_way_from_hello_to_request_is_no_clock_difference(
    build: Any, hello_stream: Callable[[str], bytes]
) -> None:
    pipeline = Pipeline(PipelineSettings("test", 1))
    assert play(pipeline, build, hello_stream("curl-h2"), event_clock_us=0).clock_skew_us == 2_000
    assert clock_sentence(pipeline).startswith("clocks agree: that of the HTTP events is 2.0 ms ahead")


def test_connections_the_join_forgot_are_not_counted_as_flows(
    build: Any, hello_stream: Callable[[str], bytes]
) -> None:
    limits = CorrelatorLimits(epochs=EpochLimits(max_epochs=30))
    pipeline = Pipeline(PipelineSettings("test", 1, correlator=limits))
    tick = play(pipeline, build, hello_stream("curl-h2"), event_clock_us=0)
    assert (tick.epochs_evicted_full, tick.flows_evicted_full) == (CONNECTIONS - 30, 0)
    assert tick.flows_opened == CONNECTIONS == tick.flows_closed


def test_fragments_that_overlap_are_counted_by_their_reason(build: Any) -> None:
    pipeline = Pipeline(PipelineSettings("test", 1))
    pipeline.advance(START_US)
    first, overlapping = 0x2000, 0x2001
    for at, (offset, octets) in enumerate([(first, b"x" * 16), (overlapping, b"y" * 16)]):
        frame = build.ethernet(build.ipv4(octets, fragment=offset))
        pipeline.feed(frame_of(frame, START_US + at, ETHERNET))
    assert pipeline.totals()["fragments_discarded_overlap"] == 1

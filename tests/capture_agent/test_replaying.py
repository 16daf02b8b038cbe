"""Sources are merged by time, sinks are flushed, and what a sink refuses ends the replay."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_agent.agent import replaying
from capture_agent.agent.problems import SHOWN_PER_SOURCE, Problems
from capture_agent.agent.replaying import ended_us, in_order_of_end, replay
from capture_agent.events import AgentTick, HttpEvent, HttpRequest
from capture_agent.pipeline import Pipeline, PipelineSettings
from capture_agent.ports import RowCounts, SinkError
from capture_agent.rows import Row
from capture_agent.wire.frame import Frame, frame_of

START_US = 1_795_350_000_000_000
ETHERNET = 1


class Sink:
    """Keeps rows; refuses to take more than `capacity`."""

    def __init__(self, capacity: int = 1_000_000) -> None:
        self.counts = RowCounts()
        self.rows: list[Row] = []
        self.flushed = False
        self._capacity = capacity

    def write(self, rows: Sequence[Row]) -> None:
        if len(self.rows) + len(rows) > self._capacity:
            raise SinkError("full")
        self.rows += rows
        self.counts.inserted = len(self.rows)

    def flush(self) -> None:
        self.flushed = True

    def close(self) -> None:
        """Nothing is open."""


def event(at_us: int, dur_us: int = 0, port: int = 1) -> HttpEvent:
    return HttpEvent(
        t_us=START_US + at_us,
        dur_us=dur_us,
        src_ip="192.0.2.7",
        src_port=port,
        dst_ip="198.51.100.1",
        dst_port=443,
        method="GET",
        unparsed_uri="/",
        proto="HTTP/1.1",
        status=200,
        headers=(),
        scheme="https",
    )


def pipeline() -> Pipeline:
    return Pipeline(PipelineSettings("test", 1))


def frames(*at_us: int) -> Iterator[Frame]:
    return iter([frame_of(bytes(60), START_US + at, ETHERNET) for at in at_us])


def test_several_captures_and_events_are_merged_by_time() -> None:
    seen: list[int] = []

    class Recording(Pipeline):
        def feed(self, frame: Frame) -> list[Row]:
            seen.append(frame.ts_us - START_US)
            return super().feed(frame)

        def note(self, event: HttpEvent) -> list[Row]:
            seen.append(ended_us(event) - START_US)
            return super().note(event)

    merged = Recording(PipelineSettings("test", 1))
    replay(merged, [frames(1, 5, 9), frames(2, 6)], iter([event(3, 1), event(7)]), [Sink()])
    assert seen == [1, 2, 4, 5, 6, 7, 9]


def test_every_sink_gets_every_row_and_is_flushed() -> None:
    sinks = [Sink(), Sink()]
    summary = replay(pipeline(), [frames(1)], iter([event(at, port=at) for at in range(50)]), sinks)
    assert sinks[0].rows == sinks[1].rows
    assert [sink.flushed for sink in sinks] == [True, True]
    assert sum(isinstance(row, HttpRequest) for row in sinks[0].rows) == 50 == summary.requests.total()
    assert "no_hello 50" in str(summary)


def test_rows_a_sink_took_are_in_the_ledger_of_a_later_minute() -> None:
    sink = Sink()
    minute = 60_000_000
    events = [event(at, port=at + 1) for at in range(2_000)]
    replay(pipeline(), [frames(0, 1_000_000, minute, 2 * minute)], iter(events), [sink])
    ticks = [row for row in sink.rows if isinstance(row, AgentTick)]
    assert 0 < sum(tick.rows_inserted for tick in ticks) <= len(sink.rows)


def test_sink_that_refuses_rows_ends_the_replay() -> None:
    with pytest.raises(SinkError, match="full"):
        replay(pipeline(), [frames(1)], iter([event(1)]), [Sink(capacity=0)])


def test_all_times_are_shifted_by_the_same_amount() -> None:
    sink = Sink()
    replay(pipeline(), [frames(1)], iter([event(5)]), [sink], shift_us=3_600_000_000)
    (request,) = [row for row in sink.rows if isinstance(row, HttpRequest)]
    assert request.ts == START_US + 5 + 3_600_000_000


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=50))
def test_events_come_in_the_order_in_which_their_requests_ended(times: list[tuple[int, int]]) -> None:
    events = [event(at, duration) for at, duration in times]
    ordered = list(in_order_of_end(events))
    assert [ended_us(e) for e in ordered] == sorted(ended_us(e) for e in events)


def test_reordering_is_bounded_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "REORDER_EVENTS", 3)
    events = [event(at) for at in (9, 1, 2, 3, 8, 0)]
    ordered = [e.t_us - START_US for e in in_order_of_end(events)]
    assert sorted(ordered) == [0, 1, 2, 3, 8, 9]
    assert ordered[:2] == [1, 2]


def test_messages_about_one_source_are_limited_and_the_rest_is_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    problems = Problems(sys.stderr)
    for line in range(100):
        problems.report_of("a.jsonl", f"a.jsonl: line {line}")
    problems.report_of("b.jsonl", "b.jsonl: line 1")
    problems.summarise()
    said = capsys.readouterr().err.splitlines()
    assert problems.count == 101
    assert len(said) == SHOWN_PER_SOURCE + 2
    assert said[-1] == f"ja4-agent: a.jsonl: 100 problems, of which the first {SHOWN_PER_SOURCE} are shown"

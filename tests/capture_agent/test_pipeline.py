"""The pipeline as a whole: books that balance, rows that repeat, requests that find their hello."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.agent.problems import Problems
from capture_agent.agent.recording import Recording
from capture_agent.agent.replaying import replay
from capture_agent.correlate.correlator import CorrelatorLimits
from capture_agent.correlate.epochs import EpochLimits
from capture_agent.events import AgentTick, HttpEvent, HttpRequest, JoinState, TlsHello
from capture_agent.flows.limits import FlowLimits
from capture_agent.intake.event_lines import EventDecoder
from capture_agent.intake.normal_form import NormalForm
from capture_agent.pipeline import Pipeline, PipelineSettings
from capture_agent.ports import RowCounts
from capture_agent.rows import Row
from capture_agent.rows.stored import LAST_US
from capture_agent.wire.frame import frame_of

START_US = 1_795_350_000_000_000
ETHERNET = 1
SETTLED = (
    "http_events_rejected",
    "http_events_dropped",
    "http_events_duplicate",
    "requests_matched",
    "requests_ambiguous",
    "requests_midstream",
    "requests_no_hello",
    "requests_cleartext",
)


class RowList:
    """A sink that keeps rows."""

    def __init__(self) -> None:
        self.counts = RowCounts()
        self.rows: list[Row] = []

    def write(self, rows: Sequence[Row]) -> None:
        self.rows += rows
        self.counts.inserted = len(self.rows)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""


def replayed(recording_dir: Path, pattern: str = "*.pcap") -> list[Row]:
    captures = sorted((recording_dir / "pcaps").glob(pattern))
    assert captures
    decoder = EventDecoder(NormalForm())
    recording = Recording(captures, [recording_dir / "http_events.jsonl"], decoder, Problems(io.StringIO()))
    pipeline = Pipeline(PipelineSettings("test", 1))
    sink = RowList()
    replay(pipeline, recording.packet_sources(), recording.requests(pipeline), [sink])
    return sink.rows


def assert_balanced(ticks: Iterable[AgentTick]) -> None:
    """The equation of AgentTick's docstring, for each minute."""
    waiting = 0
    for tick in ticks:
        out = sum(getattr(tick, name) for name in SETTLED)
        assert tick.http_events_seen == out + tick.requests_waiting - waiting
        waiting = tick.requests_waiting
    assert waiting == 0


def test_every_request_of_the_recording_is_matched(recording_dir: Path) -> None:
    """Packets and events were recorded together and the recording keeps only events whose packets it has."""
    requests = [row for row in replayed(recording_dir) if isinstance(row, HttpRequest)]
    assert len(requests) == len((recording_dir / "http_events.jsonl").read_bytes().splitlines())
    states = Counter(row.join_state for row in requests)
    assert states[JoinState.MATCHED] > 0.99 * len(requests), states


def test_request_carries_the_hello_of_its_own_connection(recording_dir: Path) -> None:
    rows = replayed(recording_dir)
    hellos = {row.conn_id: row for row in rows if isinstance(row, TlsHello) and not row.is_second_hello}
    for row in rows:
        if isinstance(row, HttpRequest) and row.join_state is JoinState.MATCHED:
            hello = hellos[row.conn_id]
            assert (hello.src_ip, hello.src_port) == (row.peer_ip, row.src_port)
            assert (hello.dst_ip, hello.dst_port) == (row.dst_ip, row.dst_port)
            assert (hello.ja4, hello.ja3_hash, hello.tcp_ttl) == (row.ja4, row.ja3_hash, row.tcp_ttl)


def test_same_recording_gives_the_same_rows(recording_dir: Path) -> None:
    assert replayed(recording_dir, "c*.pcap") == replayed(recording_dir, "c*.pcap")


def test_ledger_of_the_recording_balances_and_counts_its_rows(recording_dir: Path) -> None:
    rows = replayed(recording_dir)
    ticks = [row for row in rows if isinstance(row, AgentTick)]
    assert_balanced(ticks)
    assert len({tick.ts for tick in ticks}) == len(ticks)
    hellos = sum(isinstance(row, TlsHello) for row in rows)
    counted = sum(
        tick.hellos_complete + tick.hellos_reassembled + tick.hellos_truncated + tick.hellos_malformed
        for tick in ticks
    )
    assert counted == hellos
    used = {row.conn_id for row in rows if isinstance(row, HttpRequest)}
    unused = sum(isinstance(row, TlsHello) and row.conn_id not in used for row in rows)
    assert sum(tick.hellos_unused for tick in ticks) == unused


times = st.integers(0, 200_000_000).map(lambda after_us: START_US + after_us)
ports = st.integers(40_000, 40_003)


@st.composite
def http_events(draw: st.DrawFn) -> HttpEvent:
    return HttpEvent(
        t_us=draw(times),
        src_ip="192.0.2.7",
        src_port=draw(ports),
        dst_ip="198.51.100.1",
        dst_port=443,
        method="GET",
        unparsed_uri="/",
        proto=draw(st.sampled_from(["HTTP/1.1", "HTTP/2.0", "HTTP/3.0"])),
        status=200,
        headers=(),
        scheme=draw(st.sampled_from(["https", "http"])),
        conn_start_us=draw(st.none() | times),
        conn_req=draw(st.none() | st.integers(1, 3)),
    )


def tcp_frame(port: int, flags: int, payload: bytes, seq: int) -> bytes:
    """Ethernet, IPv4 and TCP from the client of `http_events`, without checksums."""
    tcp = b"".join(
        (
            port.to_bytes(2),
            (443).to_bytes(2),
            seq.to_bytes(4),
            bytes(4),
            bytes((0x50, flags)),
            bytes(6),
            payload,
        )
    )
    total = (20 + len(tcp)).to_bytes(2)
    ip = b"\x45\x00" + total + bytes(4) + b"\x40\x06\x00\x00" + bytes((192, 0, 2, 7, 198, 51, 100, 1))
    return bytes(12) + b"\x08\x00" + ip + tcp


frames = st.builds(
    tcp_frame,
    ports,
    st.sampled_from([0x02, 0x10, 0x18, 0x11, 0x04]),
    st.sampled_from([b"", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"GET / HTTP/1.1\r\n"]),
    st.integers(0, 20),
) | st.binary(max_size=80)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("note"), http_events()),
            st.tuples(st.just("reject"), st.none()),
            st.tuples(st.just("advance"), times),
            st.tuples(st.just("feed"), st.tuples(frames, times)),
        ),
        max_size=60,
    ),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_books_balance_whatever_comes_in(
    actions: list[tuple[str, object]], max_waiting: int, max_epochs: int
) -> None:
    pipeline = Pipeline(
        PipelineSettings(
            "test",
            1,
            flows=FlowLimits(max_flows=2, max_half_open=2),
            correlator=CorrelatorLimits(max_waiting=max_waiting, epochs=EpochLimits(max_epochs=max_epochs)),
        )
    )
    rows: list[Row] = list(pipeline.advance(START_US))
    events_in = frames_in = 0
    for action, given_value in actions:
        if action == "note":
            assert isinstance(given_value, HttpEvent)
            rows += pipeline.note(given_value)
            events_in += 1
        elif action == "reject":
            pipeline.note_rejected()
            events_in += 1
        elif action == "advance":
            assert isinstance(given_value, int)
            rows += pipeline.advance(given_value)
        else:
            assert isinstance(given_value, tuple)
            octets, ts_us = given_value
            rows += pipeline.feed(frame_of(octets, ts_us, ETHERNET))
            frames_in += 1
    rows += pipeline.finish()
    ticks = [row for row in rows if isinstance(row, AgentTick)]
    assert_balanced(ticks)
    assert sum(tick.http_events_seen for tick in ticks) == events_in
    assert sum(tick.frames_seen for tick in ticks) == frames_in
    lost = sum(tick.http_events_rejected + tick.http_events_dropped for tick in ticks)
    assert sum(isinstance(row, HttpRequest) for row in rows) == events_in - lost


def test_frame_of_an_impossible_time_is_counted_and_moves_nothing() -> None:
    pipeline = Pipeline(PipelineSettings("test", 1))
    pipeline.advance(START_US)
    pipeline.feed(frame_of(tcp_frame(40_000, 0x02, b"", 1), LAST_US, ETHERNET))
    (tick,) = pipeline.finish()
    assert isinstance(tick, AgentTick)
    assert (tick.frames_seen, tick.frames_undecodable, tick.flows_opened) == (1, 1, 0)
    assert tick.ts == START_US - START_US % 60_000_000


def test_minutes_without_time_have_no_tick_and_the_first_begins_with_the_input() -> None:
    pipeline = Pipeline(PipelineSettings("test", 1))
    assert pipeline.finish() == []
    pipeline = Pipeline(PipelineSettings("test", 7))
    rows = pipeline.advance(START_US) + pipeline.advance(START_US + 3_600_000_000) + pipeline.finish()
    assert [row.ts - rows[0].ts for row in rows] == [0, 3_600_000_000]
    assert {row.run_id for row in rows if isinstance(row, AgentTick)} == {7}

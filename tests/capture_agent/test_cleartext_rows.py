"""Cleartext requests as rows: one for each, whoever reports it, with the SYN's facts and nothing secret."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from capture_agent.correlate.correlator import CorrelatorLimits
from capture_agent.events import AgentTick, HeaderOrderSource, HttpEvent, HttpRequest, JoinState
from capture_agent.flows.limits import FlowLimits
from capture_agent.intake.normal_form import NormalForm
from capture_agent.pipeline import Pipeline, PipelineSettings
from capture_agent.rows import Row
from capture_agent.wire.frame import frame_of

START_US = 1_795_350_000_000_000
LIMITS = FlowLimits(cleartext_ports=frozenset({80, 8080}))
GET = (
    b"GET /cart?token=secret HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: curl/8\r\n"
    b"Authorization: Basic c2VjcmV0\r\nCookie: sid=secret; theme=dark\r\nX-Odd: secret\r\n"
    b"X-Odd: secret\r\n\r\n"
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: sid=secret\r\n\r\nok"


def pipeline(flows: FlowLimits = LIMITS, **correlator: int) -> Pipeline:
    return Pipeline(
        PipelineSettings(
            "s", 1, flows=flows, correlator=CorrelatorLimits(**correlator), normal_form=NormalForm().of
        )
    )


def fed(one: Pipeline, frames: Sequence[bytes], begins_us: int = START_US) -> list[Row]:
    return [
        row for at, frame in enumerate(frames) for row in one.feed(frame_of(frame, begins_us + at * 1_000, 1))
    ]


def report(at_us: int, **given: Any) -> HttpEvent:
    fields: dict[str, Any] = {
        "t_us": at_us,
        "src_ip": "198.51.100.7",
        "src_port": 40_000,
        "dst_ip": "203.0.113.9",
        "dst_port": 80,
        "method": "GET",
        "unparsed_uri": "/cart",
        "proto": "HTTP/1.1",
        "status": 200,
        "scheme": "http",
        "headers": (),
    }
    return HttpEvent(**fields | given)


def requests_of(rows: Sequence[Row]) -> list[HttpRequest]:
    return [row for row in rows if isinstance(row, HttpRequest)]


def test_request_read_off_the_wire_has_the_facts_of_its_connection(wire: Callable[..., Any]) -> None:
    one = pipeline()
    (row,) = requests_of(fed(one, wire().client(GET).server(OK).ends().frames))
    assert (row.join_state, row.join_confidence, row.join_candidates) == (JoinState.CLEARTEXT, 0.0, 0)
    assert (row.method, row.path, row.query, row.host) == ("GET", "/cart", None, "shop.test")
    assert (row.status, row.request_seq_on_conn, row.scheme) == (200, 1, "http")
    assert (row.request_bytes, row.response_bytes, row.duration_us) == (len(GET), 2, 1_000)
    assert row.header_names == ("Host", "User-Agent", "Authorization", "Cookie", "X-Odd", "X-Odd")
    assert row.header_order_source is HeaderOrderSource.WIRE
    assert row.header_order_hash is not None
    assert (row.user_agent, row.cookie_names) == ("curl/8", ("sid", "theme"))
    assert (row.tcp_ttl, row.tcp_mss) == (64, 1_460)
    assert row.tcp_signature is not None
    assert (row.ja4, row.quality, row.hello_to_request_us) == (None, None, None)
    assert "secret" not in repr(row)
    assert "c2VjcmV0" not in repr(row)


@pytest.mark.parametrize("arrives", ["before the sensor has seen the answer", "after the connection's end"])
@pytest.mark.parametrize("numbered", [True, False])
def test_request_that_a_server_reports_as_well_is_one_row(
    wire: Callable[..., Any], arrives: str, numbered: bool
) -> None:
    one = pipeline()
    frames = wire().client(GET).server(OK).client(GET).server(OK).ends().frames
    reports = [
        report(START_US + at_us, conn_req=number if numbered else None, conn_start_us=START_US + 500)
        for number, at_us in ((1, 3_010), (2, 5_010))
    ]
    rows: list[Row] = []
    if arrives.startswith("after"):
        rows += fed(one, frames)
        for event in reports:
            rows += one.note(event)
    else:
        for frame, at in zip(frames, range(len(frames)), strict=True):
            rows += one.feed(frame_of(frame, START_US + at * 1_000, 1))
            if at in (3, 5):
                rows += one.note(reports[at // 4])
    rows += one.finish()
    assert [row.request_seq_on_conn for row in requests_of(rows)] == [1, 2]
    assert {row.header_names[:2] for row in requests_of(rows)} == {("Host", "User-Agent")}
    (tick,) = [row for row in rows if isinstance(row, AgentTick)]
    assert (tick.http_events_seen, tick.http_events_duplicate, tick.requests_cleartext) == (4, 2, 2)
    assert (tick.cleartext_requests_read, tick.cleartext_requests_unanswered) == (2, 0)


def test_reports_are_taken_again_once_the_sensor_gave_the_connection_up(wire: Callable[..., Any]) -> None:
    one = pipeline()
    frames = wire().client(GET).server(OK).client(b"GARBAGE\r\n\r\n").frames
    rows = fed(one, frames)
    rows += one.note(report(START_US + 3_010, conn_req=1)) + one.note(report(START_US + 6_000, conn_req=2))
    assert [row.request_seq_on_conn for row in requests_of(rows)] == [1, 2]
    assert one.totals()["http_events_duplicate"] == 1
    assert one.totals()["cleartext_heads_malformed"] == 1


def test_reports_of_connections_that_are_not_read_stay(wire: Callable[..., Any]) -> None:
    """Older than the capture, or on ports that are not read: only the server knows of them."""
    one = pipeline()
    rows = fed(one, wire().client(GET).server(OK).frames[3:])
    rows += fed(one, wire(port=81, sport=40_001).client(GET).frames, START_US + 50_000)
    rows += one.note(report(START_US + 10)) + one.note(
        report(START_US + 60_000, dst_port=81, src_port=40_001)
    )
    assert len(requests_of(rows)) == 2
    assert one.totals()["http_events_duplicate"] == 0


def test_reported_request_carries_the_syn_of_its_connection_too(wire: Callable[..., Any]) -> None:
    one = pipeline()
    rows = fed(one, wire(port=8080).client(b"GARBAGE\r\n\r\n").frames)
    (row,) = requests_of(rows + one.note(report(START_US + 4_000, dst_port=8080)))
    assert (row.tcp_ttl, row.quality) == (64, None)


def test_clock_offset_of_events_does_not_move_what_the_sensor_read(wire: Callable[..., Any]) -> None:
    one = pipeline(clock_offset_us=5_000_000)
    (row,) = requests_of(fed(one, wire().client(GET).server(OK).frames))
    assert row.ts == START_US + 3_000
    assert row.tcp_ttl == 64


def test_reading_without_a_normal_form_is_refused() -> None:
    with pytest.raises(ValueError, match="need a normal form"):
        Pipeline(PipelineSettings("s", 1, flows=LIMITS))

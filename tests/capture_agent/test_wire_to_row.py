"""From frames on the wire and one HTTP event to joined rows, for connections that are out of the ordinary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from capture_agent.events import AgentTick, HttpEvent, HttpRequest, JoinState, Quality, TlsHello
from capture_agent.intake.normal_form import NormalForm
from capture_agent.pipeline import Pipeline, PipelineSettings
from capture_agent.rows import Row
from capture_agent.wire.frame import frame_of

START_US = 1_795_350_000_000_000
ETHERNET = 1
SYN, ACK, PSH_ACK, SYN_ACK, RST = 0x02, 0x10, 0x18, 0x12, 0x04
CURL = "curl-h2"


class Wire:
    """Sends frames through a pipeline, one each millisecond."""

    def __init__(self, build: Any, **settings: Any) -> None:
        self.pipeline = Pipeline(PipelineSettings("edge", 1, **settings))
        self.rows: list[Row] = []
        self._build = build
        self._now_us = START_US

    def send(self, flags: int, payload: bytes = b"", *, seq: int = 1_000, v6: bool = False) -> None:
        """A segment of the client."""
        self._now_us += 1_000
        options = self._build.syn_options if flags & SYN else b""
        segment = self._build.tcp(payload, flags=flags, seq=seq, options=options)
        packet = self._build.ipv6(segment) if v6 else self._build.ipv4(segment)
        frame = frame_of(self._build.ethernet_for(packet), self._now_us, ETHERNET)
        self.rows += self.pipeline.feed(frame)

    def connect(self, payload: bytes, **address: bool) -> None:
        """SYN, ACK, and the client's first bytes."""
        self.send(SYN, **address)
        self.send(ACK, seq=1_001, **address)
        self.send(PSH_ACK, payload, seq=1_001, **address)

    def request(self, src_ip: str, dst_ip: str, src_port: int = 40_000, **fields: Any) -> None:
        """The server's report of a request, ten milliseconds later."""
        self._now_us += 10_000
        event = HttpEvent(
            t_us=self._now_us,
            src_ip=src_ip,
            src_port=src_port,
            dst_ip=dst_ip,
            dst_port=443,
            method="GET",
            unparsed_uri="/a?b=c",
            proto="HTTP/1.1",
            status=200,
            headers=(("Host", "shop.test"), ("user-agent", "x"), ("User-Agent", "y")),
            **fields,
        )
        self.rows += self.pipeline.advance(self._now_us)
        self.rows += self.pipeline.note(NormalForm().of(event))

    def end(self) -> tuple[list[TlsHello], list[HttpRequest], list[AgentTick]]:
        """Rows by kind."""
        self.rows += self.pipeline.finish()
        return (
            [row for row in self.rows if isinstance(row, TlsHello)],
            [row for row in self.rows if isinstance(row, HttpRequest)],
            [row for row in self.rows if isinstance(row, AgentTick)],
        )


@pytest.fixture
def wire(build: Any) -> Wire:
    return Wire(build)


def test_mapped_address_in_the_log_joins_the_plain_one_on_the_wire(
    wire: Wire, build: Any, hello_stream: Callable[[str], bytes]
) -> None:
    wire.connect(hello_stream(CURL))
    wire.request(f"::ffff:{build.client}", f"::FFFF:{build.server}")
    hellos, (request,), _ = wire.end()
    assert (request.join_state, request.join_confidence) == (JoinState.MATCHED, 1.0)
    assert (request.peer_ip, request.dst_ip) == (build.client, build.server)
    assert (request.conn_id, request.ja4) == (hellos[0].conn_id, hellos[0].ja4)
    assert (request.path, request.query, request.host, request.user_agent) == ("/a", None, "shop.test", "x")


def test_uncompressed_ipv6_in_the_log_joins(
    wire: Wire, build: Any, hello_stream: Callable[[str], bytes]
) -> None:
    wire.connect(hello_stream(CURL), v6=True)
    wire.request("2001:DB8:0:0:0:0:0:7", "2001:db8:0::9")
    _, (request,), _ = wire.end()
    assert (request.join_state, request.peer_ip) == (JoinState.MATCHED, build.client6)


def test_hello_in_two_segments_joins_and_says_how_it_was_obtained(
    wire: Wire, build: Any, hello_stream: Callable[[str], bytes]
) -> None:
    stream = hello_stream(CURL)
    wire.connect(stream[:100])
    wire.send(PSH_ACK, stream[100:], seq=1_101)
    wire.request(build.client, build.server)
    (hello,), (request,), _ = wire.end()
    assert (hello.quality, hello.segments) == (Quality.REASSEMBLED, 2)
    assert (request.join_state, request.quality) == (JoinState.MATCHED, Quality.REASSEMBLED)


def test_broken_hello_is_a_row_with_its_reason_and_the_request_stays_without(
    wire: Wire, build: Any, hello_stream: Callable[[str], bytes]
) -> None:
    stream = bytearray(hello_stream(CURL))
    stream[9:11] = b"\xff\xff"
    stream[43] = 0xFF
    wire.connect(bytes(stream))
    wire.request(build.client, build.server)
    (hello,), (request,), (tick,) = wire.end()
    assert (hello.quality, hello.ja4) == (Quality.MALFORMED, None)
    assert hello.malformed_reason
    assert hello.malformed_offset is not None
    assert (request.join_state, request.ja4) == (JoinState.NO_HELLO, None)
    assert request.conn_id == hello.conn_id
    assert tick.hellos_malformed == 1


def test_hello_without_a_request_is_a_row_and_counted_as_unused(
    wire: Wire, hello_stream: Callable[[str], bytes]
) -> None:
    wire.connect(hello_stream(CURL))
    wire.send(RST, seq=3_000)
    hellos, requests, ticks = wire.end()
    assert (len(hellos), requests, sum(tick.hellos_unused for tick in ticks)) == (1, [], 1)


PROXY_HEADER = b"PROXY TCP4 192.0.2.77 203.0.113.9 50123 443\r\n"


def test_proxied_client_is_joined_where_the_server_reads_proxy_headers(
    build: Any, hello_stream: Callable[[str], bytes]
) -> None:
    wire = Wire(build, trusts_proxy_header=True)
    wire.connect(PROXY_HEADER + hello_stream(CURL))
    wire.request("192.0.2.77", build.server, src_port=50_123)
    (hello,), (request,), _ = wire.end()
    assert (hello.proxy_src_ip, hello.proxy_src_port, hello.preamble) == ("192.0.2.77", 50_123, "proxy_v1")
    assert (request.join_state, request.conn_id) == (JoinState.MATCHED, hello.conn_id)


def test_forged_proxy_header_joins_nothing_where_the_server_does_not_read_it(
    wire: Wire, build: Any, hello_stream: Callable[[str], bytes]
) -> None:
    wire.connect(PROXY_HEADER + hello_stream(CURL))
    wire.request("192.0.2.77", build.server, src_port=50_123)
    _, (request,), _ = wire.end()
    assert request.join_state is JoinState.NO_HELLO

"""Cleartext HTTP on whole connections: what is read, in which order, and what happens where bytes miss."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from capture_agent.flows.flow_events import FlowEvent, HelloSeen, HttpExchange, HttpReadingEnded
from capture_agent.flows.limits import FlowLimits
from capture_agent.flows.packet_path import PacketPath
from capture_agent.wire.frame import frame_of
from capture_agent.wire.http2 import PREFACE

START_US = 1_795_350_000_000_000
LIMITS = FlowLimits(cleartext_ports=frozenset({80, 8080}))
HEADERS, SETTINGS, DATA = 1, 4, 0
GET_H2 = bytes.fromhex("828684418cf1e3c2e5f23a6ba0ab90f4ff")
"""RFC 7541 C.4.1: GET http://www.example.com/."""
OK_H2 = b"\x88"
"""RFC 7541 appendix A, index 8: `:status: 200`."""


def h2(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


class Reader:
    """Feeds frames to the readable path and keeps what it tells."""

    def __init__(self, limits: FlowLimits = LIMITS) -> None:
        self.path = PacketPath("test", limits)
        self.events: list[FlowEvent] = []
        self._now_us = START_US

    def take(self, frames: list[bytes]) -> Reader:
        for frame in frames:
            self._now_us += 1_000
            self.events += self.path.feed(frame_of(frame, self._now_us, 1))
        return self

    def finish(self) -> Reader:
        self.events += self.path.finish(self._now_us)
        return self

    @property
    def exchanges(self) -> list[HttpExchange]:
        return [event for event in self.events if isinstance(event, HttpExchange)]

    @property
    def told(self) -> list[tuple[bytes, int]]:
        return [(one.target, one.status) for one in self.exchanges]

    def counted(self, name: str) -> int:
        return int(getattr(self.path.table.counters, f"cleartext_{name}"))


def read(*wires: Any) -> Reader:
    return Reader().take([frame for one in wires for frame in one.frames]).finish()


def get(target: str, fields: str = "") -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()


def answer(status: int = 200, body: bytes = b"ok", fields: str = "") -> bytes:
    return f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode() + body


def test_kept_alive_connection_gives_each_request_with_its_answer(wire: Any) -> None:
    one = wire().client(get("/a")).server(answer(404, b"no")).client(get("/b"), b"").server(answer()).ends()
    reader = read(one)
    assert reader.told == [(b"/a", 404), (b"/b", 200)]
    first, second = reader.exchanges
    assert (first.number, second.number) == (1, 2)
    assert (first.ts_us, first.ended_us) == (START_US + 4_000, START_US + 5_000)
    assert first.epoch.conn_id == second.epoch.conn_id
    assert first.epoch.syn is not None
    assert (first.request_bytes, first.response_bytes) == (len(get("/a")), 2)
    assert reader.counted("requests_read") == 2
    assert reader.counted("requests_unanswered") == 0


def test_pipelined_requests_are_answered_in_order(wire: Any) -> None:
    requests = get("/a") + b"HEAD /b HTTP/1.1\r\n\r\n" + get("/c")
    answers = answer(201) + answer(202, b"")[:-2] + b"Content-Length: 99\r\n\r\n" + answer(203)
    answers = answers.replace(b"Content-Length: 0\r\n", b"")
    assert read(wire().client(requests).server(answers)).told == [(b"/a", 201), (b"/b", 202), (b"/c", 203)]


def test_interim_answers_are_not_the_answer(wire: Any) -> None:
    post = b"POST /up HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    one = wire().client(post).server(b"HTTP/1.1 100 Continue\r\n\r\n").client(b"abc").server(answer(204, b""))
    (exchange,) = read(one).exchanges
    assert (exchange.status, exchange.request_bytes) == (204, len(post) + 3)


def test_answer_without_a_length_ends_with_the_connection(wire: Any) -> None:
    one = wire().client(get("/a")).server(b"HTTP/1.0 200 OK\r\n\r\n", bytes(5_000)).ends()
    (exchange,) = read(one).exchanges
    assert (exchange.status, exchange.response_bytes) == (200, 5_000)


def test_web_socket_is_one_request(wire: Any) -> None:
    upgrade = get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n")
    switched = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi"
    one = wire().client(upgrade).server(switched).client(b"\x81\x82maskGET / HTTP/1.1\r\n\r\n").ends()
    reader = read(one)
    assert reader.told == [(b"/ws", 101)]
    assert HttpReadingEnded(reader.exchanges[0].epoch.conn_id, 1) in reader.events


def test_tunnel_is_one_request_and_the_hello_inside_is_found(
    wire: Any, hello_stream: Callable[[str], bytes]
) -> None:
    connect = b"CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n"
    one = wire(port=8080).client(connect).server(b"HTTP/1.1 200 Established\r\n\r\n")
    reader = read(one.client(hello_stream("curl-h2")).ends())
    assert reader.told == [(b"shop.test:443", 200)]
    (hello,) = [event for event in reader.events if isinstance(event, HelloSeen)]
    assert (hello.preamble, hello.epoch.conn_id) == ("connect", reader.exchanges[0].epoch.conn_id)


def test_refused_tunnel_goes_on_as_http(wire: Any) -> None:
    one = wire().client(b"CONNECT a:1 HTTP/1.1\r\n\r\n").server(answer(407)).client(get("/")).server(answer())
    assert read(one).told == [(b"a:1", 407), (b"/", 200)]


def test_upgrade_to_http2_gives_its_request_once_and_the_streams_after_it(wire: Any) -> None:
    """RFC 7540 section 3.2: the request that asks for the upgrade is stream 1."""
    upgrade = get(
        "/first", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    )
    switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    one = wire().client(upgrade).server(switched + h2(SETTINGS, 0, 0) + h2(HEADERS, 5, 1, b"\x8d"))
    one.client(PREFACE + h2(SETTINGS, 0, 0) + h2(HEADERS, 5, 3, GET_H2)).server(h2(HEADERS, 5, 3, OK_H2))
    reader = read(one)
    assert reader.told == [(b"/first", 404), (b"/", 200)]
    assert [exchange.stream for exchange in reader.exchanges] == [1, 3]
    assert [exchange.version for exchange in reader.exchanges] == [b"HTTP/1.1", b"HTTP/2.0"]


def test_http2_with_prior_knowledge_pairs_streams_by_number(wire: Any) -> None:
    opening = PREFACE + h2(SETTINGS, 0, 0, bytes.fromhex("000300000064")) + h2(8, 0, 0, bytes((0, 0, 1, 0)))
    one = wire().client(opening + h2(HEADERS, 5, 1, GET_H2) + h2(HEADERS, 5, 3, b"\x82\x86\x85\xbe"))
    one.server(h2(SETTINGS, 0, 0) + h2(HEADERS, 4, 3, OK_H2) + h2(HEADERS, 5, 1, b"\x8d"))
    one.server(h2(DATA, 0, 3, bytes(100)), h2(DATA, 1, 3, b"end"))
    reader = read(one)
    assert reader.told == [(b"/", 404), (b"/index.html", 200)]
    assert {exchange.authority for exchange in reader.exchanges} == {b"www.example.com"}
    assert reader.exchanges[0].h2_fingerprint == "3:100|256|0|m,s,p,a"
    assert reader.exchanges[1].response_bytes == 103 + 2 * 9


def test_tls_on_the_port_is_left_to_the_search_for_hellos(
    wire: Any, hello_stream: Callable[[str], bytes]
) -> None:
    reader = read(wire(port=8080).client(hello_stream("curl-h2")).ends())
    assert [type(event) for event in reader.events if isinstance(event, HelloSeen)] == [HelloSeen]
    assert reader.exchanges == []
    assert reader.counted("heads_malformed") == 0


def test_proxy_header_before_the_request_is_passed_over(wire: Any) -> None:
    v1 = b"PROXY TCP4 192.0.2.1 198.51.100.1 5000 80\r\n"
    assert read(wire().client(v1 + get("/a")).server(answer())).told == [(b"/a", 200)]
    assert read(wire().client(b"PRO", b"XY UNKNOWN\r\n", get("/a"))).told == [(b"/a", 0)]


def test_broken_head_is_counted_and_what_came_before_is_told(wire: Any) -> None:
    one = wire().client(get("/a") + b"GARBAGE\r\n\r\n").server(answer(200) + answer(400)).ends()
    reader = read(one)
    assert reader.told == [(b"/a", 200)]
    assert reader.counted("heads_malformed") == 1
    late = wire().client(b"GARBAGE\r\n\r\n").client(get("/ignored")).ends()
    assert read(late).told == []


def test_head_without_end_is_counted_and_let_go(wire: Any) -> None:
    one = wire().client(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200, *[b"c: d\r\n" * 200] * 60)
    reader = Reader().take(one.frames)
    assert (reader.counted("heads_oversize"), reader.told) == (1, [])
    assert len(reader.path.table.tcp.cleartext) == 0


def test_request_that_is_never_answered_has_no_status(wire: Any) -> None:
    reader = read(wire().client(get("/a")).ends())
    assert reader.told == [(b"/a", 0)]
    assert reader.counted("requests_unanswered") == 1


def test_lost_segment_of_a_body_costs_nothing(wire: Any) -> None:
    body = bytes(10_000)
    whole = answer(200, body)
    parts = [whole[at : at + 1_000] for at in range(0, len(whole), 1_000)]
    one = wire().client(get("/a")).server(*parts).client(get("/b")).server(answer(204, b""))
    del one.frames[7]
    assert read(one).told == [(b"/a", 200), (b"/b", 204)]


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        (5, [(b"/a", 200), (b"/c", 202)]),
        (6, [(b"/a", 200), (b"/b", 0), (b"/c", 202)]),
    ],
)
def test_after_a_lost_head_reading_goes_on_with_the_next(
    wire: Any, lost: int, told: list[tuple[bytes, int]]
) -> None:
    """What the other side acknowledged will not come any more."""
    one = wire().client(get("/a")).server(answer(200)).client(get("/b")).server(answer(201))
    one.client(get("/c")).server(answer(202)).client(get("/d")).server(answer(203)).ends()
    del one.frames[lost]
    reader = read(one)
    assert reader.told == [*told, (b"/d", 203)]
    assert reader.counted("streams_gap") == 1


def test_segments_in_disorder_and_twice_give_the_same(wire: Any) -> None:
    request, response = get("/a"), answer(200, bytes(50))
    one = wire().client(*[request[at : at + 7] for at in range(0, len(request), 7)])
    asked = len(one.frames)
    one.server(*[response[at : at + 9] for at in range(0, len(response), 9)])
    opening, sides = one.frames[:3], (one.frames[3:asked], one.frames[asked:])
    dice = random.Random(5)
    for _ in range(20):
        shuffled = [dice.sample(side + side[:3], len(side) + 3) for side in sides]
        assert Reader().take(opening + shuffled[0] + shuffled[1]).finish().told == [(b"/a", 200)]


def test_answer_captured_before_its_request_is_paired_with_it(wire: Any) -> None:
    """Two receive queues of a network card are read one after the other."""
    one = wire().client(get("/a")).server(answer(200)).client(get("/b")).server(answer(201))
    for at in (3, 5):
        one.frames[at], one.frames[at + 1] = one.frames[at + 1], one.frames[at]
    assert read(one).told[0] == (b"/a", 200)


def test_connection_older_than_the_capture_is_counted(wire: Any) -> None:
    reader = Reader().take(wire().client(get("/a")).server(answer()).frames[3:]).finish()
    assert (reader.told, reader.counted("streams_gap")) == ([], 1)


def test_ports_that_are_not_listed_are_not_read(wire: Any) -> None:
    assert read(wire(port=8081).client(get("/a")).server(answer())).told == []


def test_connections_and_bytes_are_bounded(wire: Any) -> None:
    few = Reader(FlowLimits(cleartext_ports=frozenset({80}), max_cleartext_flows=2))
    for number in range(4):
        few.take(wire(sport=40_000 + number).client(get("/a")).frames)
    assert few.counted("streams_evicted_full") == 2
    assert len(few.path.table.tcp.cleartext) == 2
    narrow = Reader(FlowLimits(cleartext_ports=frozenset({80}), max_cleartext_bytes=20_000))
    for number in range(10):
        narrow.take(wire(sport=40_000 + number).client(get("/a")[:-2] + b"x: " + b"y" * 1_000).frames)
    assert narrow.counted("streams_evicted_full") > 0
    assert len(narrow.path.table) == 10


def test_requests_without_end_of_answers_are_bounded(wire: Any) -> None:
    one = wire().client(*[get("/a") * 20] * 20)
    reader = read(one)
    assert reader.counted("streams_evicted_full") == 1
    assert len(reader.exchanges) == 256


def test_syn_on_the_same_ports_ends_the_connection(wire: Any) -> None:
    first = wire().client(get("/a"))
    second = wire().client(get("/b"))
    second.frames[0] = second.frames[0].replace((1_000).to_bytes(4), (2_000).to_bytes(4))
    reader = Reader().take(first.frames + second.frames[:1])
    assert reader.told == [(b"/a", 0)]
    assert len(reader.path.table.tcp.cleartext) == 0


def test_silent_connection_is_closed_and_told(wire: Any) -> None:
    reader = Reader().take(wire().client(get("/a")).frames)
    reader.events += reader.path.advance(START_US + 400_000_000)
    assert (reader.told, len(reader.path.table)) == ([(b"/a", 0)], 0)

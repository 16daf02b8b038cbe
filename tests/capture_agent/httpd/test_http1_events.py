"""What mod_reqin_log reports of HTTP/1 requests; expectations are the bytes that the test itself sent."""

from __future__ import annotations

import socket
import time

import msgspec
import pytest
from private_apache import Event, EventReader, PrivateApache, answer_of, wait_for

from capture_agent.events import HttpEvent

Server = tuple[PrivateApache, EventReader]


def exchange(server: Server, sent: bytes, *, reports: int = 1) -> tuple[bytes, list[Event], int]:
    """Answer, events and source port of one connection on which `sent` was written at once."""
    apache, reader = server
    with apache.connect() as connection:
        port = connection.getsockname()[1]
        connection.sendall(sent)
        answer = answer_of(connection)
    return answer, events_of(reader, port, reports), port


def events_of(reader: EventReader, port: int, count: int) -> list[Event]:
    def own() -> list[Event]:
        return [event for event in reader.of_kind("end") if event["src_port"] == port]

    wait_for(lambda: len(own()) >= count, 5, f"fewer than {count} requests of port {port} were reported")
    return own()


def names(event: Event) -> list[str]:
    return [name for name, _ in event["headers"]]


def test_names_keep_order_case_and_duplicates(shared_apache: Server) -> None:
    answer, [event], _ = exchange(
        shared_apache,
        b"GET /index.html HTTP/1.1\r\nhost: shop.test\r\nX-Twice: 1\r\nACCEPT: a\r\n"
        b"x-tWICE: 2\r\nAccept: b\r\nConnection: close\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 200")
    assert names(event) == ["host", "X-Twice", "ACCEPT", "x-tWICE", "Accept", "Connection"]
    assert [value for name, value in event["headers"] if name.lower() == "accept"] == ["a", "b"]
    assert event["header_order_source"] == "wire"


def test_pipelined_requests_each_have_their_own_names_and_number(shared_apache: Server) -> None:
    requests = b"".join(
        f"GET /index.html?{number} HTTP/1.1\r\nHost: shop.test\r\nX-Number-{number}: 1\r\n".encode()
        + (b"Connection: close\r\n" if number == 20 else b"")
        + b"\r\n"
        for number in range(1, 21)
    )
    answer, events, _ = exchange(shared_apache, requests, reports=20)
    assert answer.count(b"HTTP/1.1 200") == 20
    by_number = {event["conn_req"]: event for event in events}
    assert sorted(by_number) == list(range(1, 21))
    for number, event in by_number.items():
        assert event["unparsed_uri"] == f"/index.html?{number}"
        assert names(event)[:2] == ["Host", f"X-Number-{number}"]
    assert len({event["conn_seq"] for event in events}) == 1
    assert sum(event["request_bytes"] for event in events) == len(requests)


def test_bytes_that_arrive_one_by_one_give_the_same_names(shared_apache: Server) -> None:
    apache, reader = shared_apache
    sent = b"GET /index.html HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: slow\r\nConnection: close\r\n\r\n"
    with apache.connect() as connection:
        port = connection.getsockname()[1]
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in sent:
            connection.sendall(bytes([byte]))
            time.sleep(0.002)
        answer_of(connection)
    [event] = events_of(reader, port, 1)
    assert event["headers"] == [["Host", None], ["User-Agent", "slow"], ["Connection", None]]
    assert event["request_bytes"] == len(sent)


def test_body_and_chunk_trailers_are_no_headers(shared_apache: Server) -> None:
    chunked = (
        b"POST /index.html HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"b\r\nX-Body: 1\r\n\r\n0\r\nX-Trailer: 1\r\n\r\n"
    )
    sized = b"POST /index.html HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 15\r\n\r\nX-Fake: yes\r\n\r\n"
    last = b"GET /index.html HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
    _, events, _ = exchange(shared_apache, chunked + sized + last, reports=3)
    events.sort(key=lambda event: event["conn_req"])
    assert [names(event) for event in events] == [
        ["Host", "Transfer-Encoding"],
        ["Host", "Content-Length"],
        ["Host", "Connection"],
    ]
    assert [event["request_bytes"] for event in events] == [len(chunked), len(sized), len(last)]


def test_folded_value_belongs_to_its_field(shared_apache: Server) -> None:
    """RFC 9112 section 5.2: a server may answer 400; either way the fold is no field of its own."""
    _, [event], _ = exchange(
        shared_apache,
        b"GET /index.html HTTP/1.1\r\nHost: shop.test\r\nAccept: a,\r\n b\r\nConnection: close\r\n\r\n",
    )
    assert ["Accept", "a, b"] in event["headers"]
    assert names(event) == ["Host", "Accept", "Connection"]


@pytest.mark.parametrize(
    ("sent", "status", "expected"),
    [
        (b"GET / HTTP/1.1\r\nNo-Colon\r\n\r\n", 400, {"method": "GET", "unparsed_uri": "/"}),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n", 414, {"method": "GET"}),
        (b"\x16\x03\x01\x02\x00\x01\n\n", 400, {"unparsed_uri": ""}),
        (b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404, {"unparsed_uri": "/nothing"}),
    ],
    ids=["bad header line", "target too long", "TLS on a cleartext port", "error document"],
)
def test_refused_requests_are_reported(
    shared_apache: Server, sent: bytes, status: int, expected: dict[str, object]
) -> None:
    answer, [event], _ = exchange(shared_apache, sent)
    assert answer.split(b" ", 2)[1] == str(status).encode()
    assert event["status"] == status
    assert {key: event[key] for key in expected} == expected


def test_target_that_was_too_long_keeps_its_beginning(shared_apache: Server) -> None:
    _, [event], _ = exchange(shared_apache, b"GET /" + b"b" * 9_000 + b" HTTP/1.1\r\n\r\n")
    assert event["unparsed_uri"] == "/" + "b" * 2_047


def test_request_that_never_ends_is_reported_as_408(shared_apache: Server) -> None:
    answer, [event], _ = exchange(shared_apache, b"GET /slow HTTP/1.1\r\nHost: shop.test\r\nX-Half: ")
    assert answer.startswith(b"HTTP/1.1 408") or answer == b""
    assert (event["status"], event["method"], event["unparsed_uri"]) == (408, "GET", "/slow")
    assert names(event) == ["Host"]


@pytest.mark.parametrize("byte", range(0, 256, 5))
def test_any_byte_gives_valid_json(shared_apache: Server, byte: int) -> None:
    raw = bytes([byte]) * 3
    sent = (
        b"GET /" + raw + b"?" + raw + b" HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: " + raw + b"\r\nX-" + raw
    )
    _, events, _ = exchange(shared_apache, sent + b": 1\r\nConnection: close\r\n\r\n", reports=1)
    for event in events:
        msgspec.json.decode(msgspec.json.encode(event), type=HttpEvent)


def test_bytes_that_are_no_text_are_told_from_text(shared_apache: Server) -> None:
    _, [event], _ = exchange(
        shared_apache,
        "GET /index.html HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: é€😀".encode()
        + b'\xff\xc0\xaf\xed\xa0\x80\t"\\\r\nConnection: close\r\n\r\n',
    )
    agent = next(value for name, value in event["headers"] if name == "User-Agent")
    assert agent == 'é€😀\\xff\\xc0\\xaf\\xed\\xa0\\x80\t"\\'


def test_secrets_are_in_no_event(shared_apache: Server) -> None:
    secret = "c0ffee-secret"
    _, [event], _ = exchange(
        shared_apache,
        b"GET /index.html HTTP/1.1\r\nHost: shop.test\r\nCookie: sid=%b; theme=%b\r\nCookie: third=%b\r\n"
        b"Authorization: Basic %b\r\nProxy-Authorization: %b\r\nX-Token: %b\r\nAuthorization Basic %b\r\n\r\n"
        % ((secret.encode(),) * 7),
    )
    assert event["cookie_names"] == ["sid", "theme", "third"]
    assert names(event)[-1] == "Authorization"
    assert all(value is None for name, value in event["headers"])
    assert not any(secret.encode() in line for line in shared_apache[1].lines)


def test_long_values_and_many_fields_stay_within_the_bound(shared_apache: Server) -> None:
    fields = b"".join(b"Accept: " + b'"\xff' * 2_000 + b"\r\n" for _ in range(90))
    _, [event], port = exchange(
        shared_apache, b"GET /index.html HTTP/1.1\r\nHost: a\r\n" + fields + b"Connection: close\r\n\r\n"
    )
    line = next(line for line in shared_apache[1].lines if f'"src_port":{port},'.encode() in line)
    assert len(line) <= 64 * 1024 + 160
    assert event["headers_cut"] is True


def test_each_connection_reports_its_end(shared_apache: Server) -> None:
    apache, reader = shared_apache
    sent = b"GET /index.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    _, [request], port = exchange(shared_apache, sent)

    def ends() -> list[Event]:
        return [event for event in reader.of_kind("close") if event["src_port"] == port]

    wait_for(lambda: bool(ends()), 5, "the connection's end was not reported")
    [end] = ends()
    assert (end["requests"], end["bytes_in"], end["is_http2"]) == (1, len(sent), False)
    assert (end["conn_seq"], end["conn_start_us"]) == (request["conn_seq"], request["conn_start_us"])
    assert end["dst_port"] == apache.port


def test_event_describes_the_request(shared_apache: Server) -> None:
    before_us = time.time_ns() // 1000
    answer, [event], port = exchange(
        shared_apache, b"GET /index.html?q=1 HTTP/1.0\r\nHost: Shop.Test:80\r\nUser-Agent: tester\r\n\r\n"
    )
    after_us = time.time_ns() // 1000
    body = answer.partition(b"\r\n\r\n")[2]
    decoded = msgspec.json.decode(msgspec.json.encode(event), type=HttpEvent)
    assert before_us <= decoded.conn_start_us <= decoded.t_us <= decoded.t_us + decoded.dur_us <= after_us
    assert (decoded.src_ip, decoded.src_port) == ("127.0.0.1", port)
    assert (decoded.dst_ip, decoded.dst_port) == ("127.0.0.1", shared_apache[0].port)
    assert (decoded.method, decoded.unparsed_uri, decoded.proto) == ("GET", "/index.html?q=1", "HTTP/1.0")
    assert (decoded.scheme, decoded.host, decoded.status) == ("http", "shop.test", 200)
    assert (decoded.bytes, decoded.conn_req) == (len(body), 1)

"""What mod_reqin_log reports of HTTP/2; the frames are written by the test, or by curl and nghttp."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hpack import Encoder
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from http2_client import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    HAS_PRIORITY,
    HEADERS,
    PADDED,
    PREFACE,
    frame,
    headers,
    priority,
    read_until_end,
    request_fields,
    settings,
    window_update,
)
from private_apache import Event, EventReader, PrivateApache, reporting_apache, wait_for

from capture_agent.events import HeaderOrderSource, HttpEvent
from capture_agent.intake.http2_opening import with_http2_start

Server = tuple[PrivateApache, EventReader]
BROWSER_LIKE = settings((1, 65_536), (3, 1_000), (4, 6_291_456), (6, 262_144)) + window_update(15_663_105)
SECRET = "c0ffee-secret"


@pytest.fixture(scope="module")
def server(module: Path) -> Iterator[Server]:
    with reporting_apache(module) as started:
        yield started


def converse(server: Server, sent: bytes, streams: int = 1, cut: int | None = None) -> list[Event]:
    """Events of a connection on which `sent` was written, whole or in pieces of `cut` bytes."""
    apache, reader = server
    with apache.connect_tls("h2") as connection:
        assert connection.selected_alpn_protocol() == "h2"
        port = connection.getsockname()[1]
        for start in range(0, len(sent), cut or len(sent)):
            connection.sendall(sent[start : start + (cut or len(sent))])
        assert read_until_end(connection, streams) == streams

    def own() -> list[Event]:
        return [event for event in reader.of_kind("end") if event["src_port"] == port]

    wait_for(lambda: len(own()) >= streams, 5, "a stream was not reported")
    return own()


def as_the_agent_reads(event: Event) -> HttpEvent:
    return with_http2_start(msgspec.json.decode(msgspec.json.encode(event), type=HttpEvent))


FIELDS = request_fields(
    "/index.html",
    ("accept-language", "de"),
    ("x-odd", "1"),
    ("user-agent", "tester"),
    ("x-odd", "2"),
    ("cookie", f"sid={SECRET}"),
    ("accept", "*/*"),
    ("cookie", f"theme={SECRET}"),
    ("authorization", SECRET),
    order="mpas",
)
NAMES = ["accept-language", "x-odd", "user-agent", "x-odd", "cookie", "accept", "cookie", "authorization"]


@pytest.mark.parametrize("cut", [None, 1, 7, 64])
def test_first_request_has_the_order_of_the_wire(server: Server, cut: int | None) -> None:
    sent = PREFACE + BROWSER_LIKE + headers(Encoder(), FIELDS)
    [event] = converse(server, sent, cut=cut)
    read = as_the_agent_reads(event)
    assert read.h2_fingerprint == "1:65536;3:1000;4:6291456;6:262144|15663105|0|m,p,a,s"
    assert [name for name, _ in read.headers] == NAMES
    assert read.header_order_source is HeaderOrderSource.WIRE
    assert dict(read.headers)["user-agent"] == "tester"
    assert read.cookie_names == ("sid", "theme")
    assert (read.proto, read.status, read.scheme, read.host) == ("HTTP/2.0", 200, "https", "shop.test")


def test_later_requests_have_the_order_of_the_server_and_the_same_fingerprint(server: Server) -> None:
    encoder = Encoder()
    streams = b"".join(
        headers(encoder, request_fields("/index.html", ("b", "1"), ("a", "2")), stream)
        for stream in range(1, 41, 2)
    )
    events = [as_the_agent_reads(event) for event in converse(server, PREFACE + BROWSER_LIKE + streams, 20)]
    assert {event.h2_stream for event in events} == set(range(1, 41, 2))
    assert sorted(event.conn_req or 0 for event in events) == list(range(1, 21))
    assert len({event.h2_fingerprint for event in events}) == 1
    sources = {event.h2_stream: event.header_order_source for event in events}
    assert sources.pop(1) is HeaderOrderSource.WIRE
    assert set(sources.values()) == {HeaderOrderSource.SERVER}


def test_nothing_secret_crosses_the_socket(server: Server) -> None:
    """Neither as text nor in the header block, Huffman coded or not."""
    _, reader = server
    coded = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(SECRET.encode())
    for huffman in (True, False):
        block = Encoder().encode(FIELDS, huffman=huffman)
        [event] = converse(
            server,
            PREFACE + BROWSER_LIKE + frame(HEADERS, block, flags=END_HEADERS | END_STREAM, stream=1),
        )
        assert (coded if huffman else SECRET.encode()) in block
        frames = base64.b64decode(event["h2_start"])
        assert SECRET.encode() not in frames
        assert coded not in frames
    assert not any(SECRET.encode() in line for line in reader.lines)


def test_padding_priority_and_continuation(server: Server) -> None:
    block = Encoder().encode(FIELDS)
    first = bytes([9]) + bytes.fromhex("0000000bff") + block[:10] + b"\0" * 9
    sent = (
        PREFACE
        + settings((2, 0), (4, 131_072))
        + priority(3, 0, 201)
        + priority(5, 3, 1, is_exclusive=True)
        + frame(HEADERS, first, flags=PADDED | HAS_PRIORITY | END_STREAM, stream=13)
        + frame(CONTINUATION, block[10:20], stream=13)
        + frame(CONTINUATION, block[20:], flags=END_HEADERS, stream=13)
    )
    [event] = converse(server, sent)
    read = as_the_agent_reads(event)
    assert read.h2_fingerprint == "2:0;4:131072|00|3:0:0:201,5:1:3:1|m,p,a,s"
    assert [name for name, _ in read.headers] == NAMES


def test_http1_over_tls_has_no_http2_fields(server: Server) -> None:
    apache, reader = server
    with apache.connect_tls("http/1.1") as connection:
        port = connection.getsockname()[1]
        connection.sendall(b"GET /index.html HTTP/1.1\r\nHoSt: shop.test\r\nConnection: close\r\n\r\n")
        while connection.recv(65_536):
            pass
    wait_for(lambda: any(event["src_port"] == port for event in reader.of_kind("end")), 5, "not reported")
    event = next(event for event in reader.of_kind("end") if event["src_port"] == port)
    assert event["headers"] == [["HoSt", None], ["Connection", None]]
    assert event["scheme"] == "https"
    assert "h2_start" not in event


def test_broken_openings_do_no_harm(server: Server) -> None:
    apache, _ = server
    broken = [
        PREFACE[:10] + b"X" * 30,
        PREFACE + b"\xff" * 400,
        PREFACE + settings((1, 1)) + frame(HEADERS, b"\xff" * 40, flags=END_HEADERS, stream=1),
        PREFACE + settings((1, 1)) + frame(HEADERS, b"\x40\xff\xff\xff\xff\xff", flags=END_HEADERS, stream=1),
        PREFACE + settings((1, 1)) + frame(HEADERS, b"\x00", flags=PADDED | END_HEADERS, stream=1),
        PREFACE + settings((1, 1)) + frame(HEADERS, b"", flags=PADDED | END_HEADERS, stream=1),
        PREFACE + settings((1, 1)) + frame(CONTINUATION, b"\x82", flags=END_HEADERS, stream=1),
        PREFACE + settings(*[(number, 1) for number in range(1_000)]),
        PREFACE + settings((1, 1)) + window_update(1) * 200,
    ]
    for sent in broken:
        with apache.connect_tls("h2") as connection:
            connection.sendall(sent)
            connection.settimeout(0.2)
            try:
                while connection.recv(65_536):
                    pass
            except OSError:
                continue
    [event] = converse(server, PREFACE + BROWSER_LIKE + headers(Encoder(), FIELDS))
    assert event["status"] == 200
    assert "exit signal" not in apache.log()


CLIENTS = {
    # What the clients say of themselves: `nghttp -v` and curl's `--trace` print the frames that they send.
    "curl": (
        ["curl", "-sk", "--http2", "-A", "tester", "-H", f"Cookie: sid={SECRET}"],
        "3:100;4:33554432;2:0|33488897|0|m,p,s,a",
        ["user-agent", "accept", "cookie"],
    ),
    "nghttp": (
        ["nghttp", "-n"],
        "3:100;4:65535|00|3:0:0:201,5:0:0:101,7:0:0:1,9:0:7:1,11:0:3:1|m,p,s,a",
        ["accept", "accept-encoding", "user-agent"],
    ),
}


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_real_clients(server: Server, client: str) -> None:
    command, fingerprint, names = CLIENTS[client]
    if shutil.which(client) is None:
        pytest.skip(f"no {client} on this machine")
    apache, reader = server
    target = f"/index.html?{client}"
    subprocess.run(
        [*command, f"https://127.0.0.1:{apache.tls_port}{target}"],
        check=True,
        capture_output=True,
        timeout=20,
    )
    wait_for(
        lambda: any(event["unparsed_uri"] == target for event in reader.of_kind("end")), 5, "not reported"
    )
    event = next(event for event in reader.of_kind("end") if event["unparsed_uri"] == target)
    read = as_the_agent_reads(event)
    assert read.h2_fingerprint == fingerprint
    assert [name for name, _ in read.headers] == names


@pytest.mark.browser
def test_chromium_has_its_published_fingerprint(server: Server, tmp_path: Path) -> None:
    if shutil.which("chromium") is None:
        pytest.skip("no chromium on this machine")
    apache, reader = server
    target = "/index.html?chromium"
    subprocess.run(
        [
            *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors"),
            *(f"--user-data-dir={tmp_path}", "--dump-dom", f"https://127.0.0.1:{apache.tls_port}{target}"),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    wait_for(
        lambda: any(event["unparsed_uri"] == target for event in reader.of_kind("end")), 5, "not reported"
    )
    event = next(event for event in reader.of_kind("end") if event["unparsed_uri"] == target)
    read = as_the_agent_reads(event)
    assert read.h2_fingerprint == "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p"
    assert [name for name, _ in read.headers][:3] == ["sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform"]
    assert read.header_order_source is HeaderOrderSource.WIRE


def test_hundred_streams_at_once_are_each_reported_once(server: Server) -> None:
    if shutil.which("h2load") is None:
        pytest.skip("no h2load on this machine")
    apache, reader = server
    target = "/index.html?load"
    url = f"https://127.0.0.1:{apache.tls_port}{target}"
    load = subprocess.run(
        ["h2load", "-n", "4000", "-c", "4", "-m", "100", url],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "status codes: 4000 2xx" in load.stdout

    def own() -> list[Event]:
        return [event for event in reader.of_kind("end") if event["unparsed_uri"] == target]

    wait_for(lambda: len(own()) >= 4_000, 10, "fewer than 4,000 requests were reported")
    events = own()
    assert len(events) == 4_000
    assert len({(event["conn_seq"], event["conn_req"]) for event in events}) == 4_000
    assert len({(event["conn_seq"], event["h2_stream"]) for event in events}) == 4_000
    assert {event["conn_seq"] for event in events} == {
        event["conn_seq"] for event in events if event["h2_stream"] == 1
    }
    assert all(event["h2_start"] for event in events)
    assert reader.lost() == 0

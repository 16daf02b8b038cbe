"""What the opening frames of an HTTP/2 connection make of an event."""

from __future__ import annotations

import base64
import json
import struct

import msgspec
import pytest

from capture_agent.events import HeaderOrderSource, HttpEvent
from capture_agent.intake.event_lines import EventDecoder
from capture_agent.intake.http2_opening import MAX_OPENING_BYTES, with_http2_start
from capture_agent.intake.normal_form import NormalForm

BLOCK = bytes.fromhex("82") + b"".join(
    b"\x40" + bytes([len(name)]) + name + b"\0"
    for name in (b"x-b", b"user-agent", b"cookie", b"x-b", b"x-a", b"cookie")
)
FRAMES = (
    struct.pack(">I", 6)[1:]
    + b"\4\0\0\0\0\0"
    + struct.pack(">HI", 4, 99)
    + struct.pack(">I", len(BLOCK))[1:]
    + b"\1\4\0\0\0\1"
    + BLOCK
)
HEADERS = [["X-B", "1, 2"], ["User-Agent", "me"], ["Cookie", None], ["X-A", "3"], ["Host", "shop.test"]]


def event(**changes: object) -> HttpEvent:
    fields: dict[str, object] = {
        "t_us": 1, "src_ip": "192.0.2.7", "src_port": 4, "dst_ip": "198.51.100.1", "dst_port": 443,
        "method": "GET", "unparsed_uri": "/", "proto": "HTTP/2.0", "status": 200, "headers": HEADERS,
        "h2_stream": 1, "h2_start": base64.b64encode(FRAMES).decode(),
    }  # fmt: skip
    return msgspec.json.decode(json.dumps(fields | changes).encode(), type=HttpEvent)


def test_first_request_takes_names_from_the_wire_and_values_from_the_server() -> None:
    read = with_http2_start(event())
    assert read.headers == (
        ("x-b", "1, 2"),
        ("user-agent", "me"),
        ("cookie", None),
        ("x-b", None),
        ("x-a", "3"),
        ("cookie", None),
    )
    assert read.header_order_source is HeaderOrderSource.WIRE
    assert read.h2_fingerprint == "4:99|00|0|m"


def test_later_request_keeps_the_order_of_the_server() -> None:
    read = with_http2_start(event(h2_stream=3, header_order_source="server"))
    assert [name for name, _ in read.headers] == ["X-B", "User-Agent", "Cookie", "X-A", "Host"]
    assert read.header_order_source is HeaderOrderSource.SERVER
    assert read.h2_fingerprint == "4:99|00|0|m"


def test_request_without_a_stream_number_is_not_taken_for_the_first() -> None:
    read = with_http2_start(event(h2_stream=None))
    assert read.header_order_source is None
    assert read.h2_fingerprint == "4:99|00|0|m"


@pytest.mark.parametrize("frames", [b"", b"\xff" * 50, FRAMES[:-1], FRAMES + b"\0" * MAX_OPENING_BYTES])
def test_frames_that_cannot_be_read_leave_the_event_as_it_was(frames: bytes) -> None:
    read = with_http2_start(event(h2_start=base64.b64encode(frames).decode()))
    assert read == event(h2_start=None)


def test_frames_are_gone_once_a_line_is_read() -> None:
    line = msgspec.json.encode(event())
    read = EventDecoder(NormalForm()).decode(line)
    assert isinstance(read, HttpEvent)
    assert read.h2_start is None
    assert read.h2_fingerprint == "4:99|00|0|m"
    assert dict(read.headers)["user-agent"] == "me"


def test_names_of_the_opening_are_all_even_where_the_servers_table_was_cut() -> None:
    whole = EventDecoder(NormalForm()).decode(msgspec.json.encode(event(headers_cut=True)))
    assert isinstance(whole, HttpEvent)
    assert (whole.has_all_header_names, len(whole.headers)) == (True, 6)

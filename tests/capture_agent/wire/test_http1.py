"""Heads of HTTP/1 messages, and what follows them, against RFC 9112."""

from __future__ import annotations

import pytest

from capture_agent.wire.errors import Malformed
from capture_agent.wire.http1 import (
    MAX_HEAD_BYTES,
    NO_BODY,
    Body,
    Framing,
    find_head_end,
    is_request_line,
    may_start_request,
    parse_request_head,
    parse_response_head,
)

CHUNKED, UNTIL_CLOSE = Body(Framing.CHUNKED), Body(Framing.UNTIL_CLOSE)


def test_names_keep_their_order_case_and_duplicates() -> None:
    head = parse_request_head(
        b"GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\nx-a: 1\r\nX-A:2 \t\r\nCookie2: \r\n\r\n"
    )
    assert (head.method, head.target, head.version) == (b"GET", b"/where?q=now", b"HTTP/1.1")
    assert head.fields == (
        (b"Host", b"www.example.org"),
        (b"x-a", b"1"),
        (b"X-A", b"2"),
        (b"Cookie2", b""),
    )


def test_folded_value_goes_on() -> None:
    """RFC 9112 section 5.2."""
    head = parse_request_head(b"GET / HTTP/1.1\r\nA: one\r\n two\r\n\tthree\r\nB: x\r\n\r\n")
    assert head.fields == ((b"A", b"one two three"), (b"B", b"x"))


def test_lone_line_feed_ends_a_line() -> None:
    """RFC 9112 section 2.2."""
    octets = b"GET / HTTP/1.0\nHost: a\n\nrest"
    assert find_head_end(octets, 0) == len(octets) - 4
    assert parse_request_head(octets[:-4]).fields == ((b"Host", b"a"),)


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"GET /\r\n\r\n", "request line has not three words"),
        (b"GET  HTTP/1.1\r\n\r\n", "request line has not three words"),
        (b"GET / x HTTP/1.1\r\n\r\n", "request line has not three words"),
        (b"G\x00T / HTTP/1.1\r\n\r\n", "method is no token"),
        (b"GET / HTTP/11\r\n\r\n", "request line names no version of HTTP"),
        (b"GET / http/1.1\r\n\r\n", "request line names no version of HTTP"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", "header line has no name"),
        (b"GET / HTTP/1.1\r\n: value\r\n\r\n", "header line has no name"),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", "first header line is folded"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 1_001 + b"\r\n", "more than 1000 header fields"),
    ],
)
def test_broken_request_is_malformed_with_its_reason(head: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_request_head(head)
    assert caught.value.reason == reason


@pytest.mark.parametrize("line", [b"HTTP/1.1", b"HTTP/1.1 20", b"HTTP/1.1 2000 x", b"ICY 200 OK", b"200 OK"])
def test_broken_status_line_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed, match="status line has no version and status"):
        parse_response_head(line + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (b"", NO_BODY),
        (b"Content-Length: 5\r\n", Body(Framing.LENGTH, 5)),
        (b"Content-Length: 5, 5\r\nContent-Length: 5\r\n", Body(Framing.LENGTH, 5)),
        (b"Transfer-Encoding: gzip, chunked\r\n", CHUNKED),
        (b"Transfer-Encoding: Chunked\r\nContent-Length: 5\r\n", CHUNKED),
    ],
)
def test_length_of_a_request_body(fields: bytes, body: Body) -> None:
    """RFC 9112 section 6.3: transfer coding wins, equal lengths are one, none means no body."""
    assert parse_request_head(b"POST / HTTP/1.1\r\n" + fields + b"\r\n").body() == body


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5_0\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 9999999999999999999\r\n",
        b"Transfer-Encoding: chunked, gzip\r\n",
    ],
)
def test_body_whose_end_is_disputable_is_malformed(fields: bytes) -> None:
    """What request smuggling lives on: servers do not agree where such a message ends."""
    with pytest.raises(Malformed):
        parse_request_head(b"POST / HTTP/1.1\r\n" + fields + b"\r\n").body()


@pytest.mark.parametrize(
    ("status", "fields", "method", "body"),
    [
        (200, b"Content-Length: 7\r\n", b"GET", Body(Framing.LENGTH, 7)),
        (200, b"Content-Length: 7\r\n", b"HEAD", NO_BODY),
        (204, b"Content-Length: 7\r\n", b"GET", NO_BODY),
        (304, b"Content-Length: 7\r\n", b"GET", NO_BODY),
        (200, b"Transfer-Encoding: chunked\r\n", b"GET", CHUNKED),
        (200, b"Transfer-Encoding: gzip\r\n", b"GET", UNTIL_CLOSE),
        (200, b"", b"GET", UNTIL_CLOSE),
    ],
)
def test_length_of_a_response_body(status: int, fields: bytes, method: bytes, body: Body) -> None:
    head = parse_response_head(b"HTTP/1.1 %d reason\r\n" % status + fields + b"\r\n")
    assert (head.status, head.body(method)) == (status, body)


def test_head_too_long_is_malformed_and_one_that_fits_is_not() -> None:
    begin = b"GET / HTTP/1.1\r\na: "
    fits = begin + b"x" * (MAX_HEAD_BYTES - len(begin) - 4) + b"\r\n\r\n"
    assert find_head_end(fits + b"more", 0) == MAX_HEAD_BYTES
    with pytest.raises(Malformed, match="head is longer than 65536 bytes"):
        find_head_end(begin + b"x" * (MAX_HEAD_BYTES - len(begin) - 3) + b"\r\n\r\n", 0)
    assert find_head_end(begin + b"x" * 1_000, 0) == 0


@pytest.mark.parametrize("octets", [b"G", b"GET", b"\r\nGET / HTTP/1.1", b"", b"SSH-2.0-x", b"M-SEARCH * "])
def test_what_may_begin_a_request(octets: bytes) -> None:
    assert may_start_request(octets)


@pytest.mark.parametrize("octets", [b"\x16\x03\x01", b"\x80\x1f\x01", b"\x00\x00\x00\x08", b"{}", b" GET /"])
def test_what_may_not_begin_a_request(octets: bytes) -> None:
    assert not may_start_request(octets)


def test_only_a_whole_request_line_is_one() -> None:
    assert is_request_line(b"GET / HTTP/1.1\r\n")
    assert not is_request_line(b"GET / HTTP/1.1")
    assert not is_request_line(b"body GET / HTTP/1.1\r\n")

"""A direction of HTTP/1 in whatever pieces it comes: the same heads, the same ends of messages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.wire.errors import Malformed
from capture_agent.wire.http1 import RequestHead, ResponseHead
from capture_agent.wire.http1_stream import BodyEnd, MessageReader, RequestReader, ResponseReader

REQUESTS = (
    b"\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n"
    b"POST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /"
    b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4;ext=1\r\nWiki\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
    b"GET /d HTTP/1.0\n\n"
)
EXPECTED = [b"/a", "end", b"/b", "end", b"/c", "end", b"/d", "end"]


def told(reader: MessageReader, pieces: list[bytes]) -> list[bytes | int | str]:
    found: list[bytes | int | str] = []
    for piece in pieces:
        for one in reader.feed(piece):
            if isinstance(one, RequestHead):
                found.append(one.target)
            elif isinstance(one, ResponseHead):
                found.append(one.status)
            else:
                assert one is BodyEnd.END
                found.append("end")
    return found


def test_whole_and_byte_by_byte_are_the_same() -> None:
    assert told(RequestReader(), [REQUESTS]) == EXPECTED
    assert told(RequestReader(), [REQUESTS[at : at + 1] for at in range(len(REQUESTS))]) == EXPECTED


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, len(REQUESTS)), max_size=8))
def test_cut_anywhere_is_the_same(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(REQUESTS)]
    pieces = [REQUESTS[begin:end] for begin, end in pairwise(edges)]
    assert told(RequestReader(), pieces) == EXPECTED


def test_body_is_passed_over_and_not_held() -> None:
    reader = ResponseReader()
    assert told(reader, [b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"]) == [200]
    for _ in range(99):
        assert told(reader, [bytes(100_000)]) == []
        assert reader.buffered_bytes == 0
    assert told(reader, [bytes(100_000) + b"HTTP/1.1 304 x\r\n\r\n"]) == ["end", 304, "end"]


def test_bytes_missing_inside_a_body_do_no_harm_and_elsewhere_they_do() -> None:
    reader = RequestReader()
    told(reader, [b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n" + bytes(10)])
    assert reader.can_skip(90)
    assert not reader.can_skip(91)
    assert list(reader.skip(90)) == [BodyEnd.END]
    assert not reader.can_skip(1)
    assert told(reader, [b"GET /next HTTP/1.1\r\n\r\n"]) == [b"/next", "end"]


def test_interim_response_has_no_body() -> None:
    octets = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx"
    assert told(ResponseReader(), [octets]) == [100, "end", 201, "end"]


def test_response_without_a_length_lasts_until_the_end() -> None:
    reader = ResponseReader()
    assert told(reader, [b"HTTP/1.0 200 OK\r\n\r\nHTTP/1.1 500 no head\r\n\r\n"]) == [200]
    assert reader.body_bytes == 24
    assert reader.can_skip(1 << 40)


@pytest.mark.parametrize("size", [b"", b"x", b"-1", b"+5", b"1_0", b"0x10", b"f" * 16])
def test_chunk_without_a_size_is_malformed(size: bytes) -> None:
    reader = RequestReader()
    with pytest.raises(Malformed, match="chunk has no size"):
        told(reader, [b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\n"])


def test_endless_chunk_line_is_malformed() -> None:
    reader = RequestReader()
    told(reader, [b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;"])
    with pytest.raises(Malformed, match="chunk line is longer"):
        told(reader, [b"x" * 5_000])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8), st.booleans())
def test_any_bytes_are_read_or_malformed(pieces: list[bytes], is_client: bool) -> None:
    reader = RequestReader() if is_client else ResponseReader()
    try:
        told(reader, pieces)
    except Malformed as error:
        assert error.reason  # noqa: PT017 - one of two outcomes

"""Frames of HTTP/2, with the header blocks of RFC 7541 appendix C: the dynamic table has to be followed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.wire.errors import Malformed
from capture_agent.wire.http2_stream import Data, FrameReader, HeaderBlock, Reset, Settings

DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, CONTINUATION = 0, 1, 3, 4, 5, 6, 9
END_STREAM, END_HEADERS, PADDED, PRIORITY = 0x1, 0x4, 0x8, 0x20
COMMON = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]
C_4 = (
    ("828684418cf1e3c2e5f23a6ba0ab90f4ff", COMMON),
    ("828684be5886a8eb10649cbf", [*COMMON, (b"cache-control", b"no-cache")]),
    (
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        [
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/index.html"),
            (b":authority", b"www.example.com"),
            (b"custom-key", b"custom-value"),
        ],
    ),
)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def blocks(stream: bytes, size: int = 1 << 20) -> list[object]:
    reader = FrameReader()
    return [found for at in range(0, len(stream), size) for found in reader.feed(stream[at : at + size])]


REQUESTS = b"".join(
    frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * number, bytes.fromhex(octets))
    for number, (octets, _) in enumerate(C_4)
)


@pytest.mark.parametrize("size", [1 << 20, 1, 7])
def test_header_blocks_share_one_table(size: int) -> None:
    """RFC 7541 C.4: three requests with Huffman coding on one connection."""
    expected = [HeaderBlock(1 + 2 * number, tuple(fields), True) for number, (_, fields) in enumerate(C_4)]
    assert blocks(REQUESTS, size) == expected


def test_block_in_continuations_padded_with_priority_is_one() -> None:
    octets = bytes.fromhex(C_4[0][0])
    padded = b"\x03" + b"\x00\x00\x00\x00\x10" + octets[:4] + bytes(3)
    stream = (
        frame(HEADERS, PADDED | PRIORITY, 5, padded)
        + frame(CONTINUATION, 0, 5, octets[4:8])
        + frame(CONTINUATION, END_HEADERS, 5, octets[8:])
    )
    assert blocks(stream, 3) == [HeaderBlock(5, tuple(COMMON), False)]


def test_promised_request_keeps_the_table_in_step() -> None:
    promise = frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02" + bytes.fromhex(C_4[0][0]))
    second = frame(HEADERS, END_HEADERS, 3, bytes.fromhex(C_4[1][0]))
    assert blocks(promise + second) == [HeaderBlock(3, tuple(C_4[1][1]), False)]


def test_data_is_counted_and_not_held_and_may_be_missing() -> None:
    reader = FrameReader()
    found = list(reader.feed(frame(DATA, 0, 1, bytes(16_000))[:100]))
    assert found == [Data(1, 16_000, False)]
    assert reader.buffered_bytes == 0
    assert reader.can_skip(15_909)
    assert not reader.can_skip(15_910)
    reader.skip(15_909)
    assert list(reader.feed(frame(DATA, END_STREAM, 1, b""))) == [Data(1, 0, True)]


def test_other_frames_are_told_or_passed_over() -> None:
    settings_frame = frame(SETTINGS, 0, 0, bytes.fromhex("000300000064000100001000"))
    stream = (
        settings_frame
        + frame(SETTINGS, 1, 0, b"")
        + frame(PING, 0, 0, bytes(8))
        + frame(0xBA, 0, 0, b"grease")
        + frame(RST_STREAM, 0, 7, bytes(4))
    )
    assert blocks(stream, 5) == [Settings(4_096), Reset(7)]


@pytest.mark.parametrize(
    "stream",
    [
        frame(HEADERS, 0, 1, b"\x82") + frame(DATA, 0, 1, b""),
        frame(CONTINUATION, END_HEADERS, 1, b"\x82"),
        frame(HEADERS, 0, 1, b"\x82") + frame(CONTINUATION, END_HEADERS, 3, b"\x82"),
        frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff"),
        frame(HEADERS, END_HEADERS | PADDED, 1, b"\x05\x82"),
        frame(HEADERS, END_HEADERS | PADDED, 1, b""),
        frame(HEADERS, END_HEADERS | PRIORITY, 1, b"\x82"),
        (1 << 17).to_bytes(3) + bytes((HEADERS, 0)) + bytes(4),
        b"".join([frame(HEADERS, 0, 1, b""), *[frame(CONTINUATION, 0, 1, bytes(16_000))] * 5]),
    ],
)
def test_what_breaks_the_grammar_is_malformed(stream: bytes) -> None:
    with pytest.raises(Malformed):
        blocks(stream)


def test_table_larger_than_is_followed_is_refused() -> None:
    reader = FrameReader()
    reader.allow_table(65_536)
    with pytest.raises(Malformed, match="header table is larger"):
        reader.allow_table(65_537)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_are_read_or_malformed(pieces: list[bytes]) -> None:
    reader = FrameReader()
    try:
        for piece in pieces:
            list(reader.feed(piece))
    except Malformed as error:
        assert error.reason  # noqa: PT017 - one of two outcomes

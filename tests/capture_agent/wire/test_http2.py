"""Opening frames laid out by RFC 9113, header blocks taken from the examples of RFC 7541 appendix C."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_agent.wire.errors import Malformed
from capture_agent.wire.http2 import PREFACE, Http2Start, StreamPriority, parse_http2_start

HEADERS, PRIORITY, SETTINGS, WINDOW_UPDATE, CONTINUATION = 1, 2, 4, 8, 9
RFC7541_C31 = bytes.fromhex("828684410f7777772e6578616d706c652e636f6d")
RFC7541_C41 = bytes.fromhex("828684418cf1e3c2e5f23a6ba0ab90f4ff")
RFC7541_C21 = bytes.fromhex("400a637573746f6d2d6b65790d637573746f6d2d686561646572")
"""custom-key: custom-header, added to the dynamic table, whose first entry has index 62 (0xbe)."""


def frame(kind: int, payload: bytes, *, flags: int = 0, stream: int = 0) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*entries: tuple[int, int], flags: int = 0) -> bytes:
    return frame(SETTINGS, b"".join(struct.pack(">HI", *entry) for entry in entries), flags=flags)


SOUND = (
    settings((1, 65_536), (0x2A2A, 7), (4, 131_072))
    + settings(flags=1)
    + frame(WINDOW_UPDATE, struct.pack(">I", 12_517_377))
    + frame(PRIORITY, struct.pack(">IB", 0, 200), stream=3)
    + frame(PRIORITY, struct.pack(">IB", 3 | 1 << 31, 0), stream=5)
    + frame(HEADERS, RFC7541_C31, flags=0x4, stream=15)
)


def test_frames_in_wire_order() -> None:
    assert parse_http2_start(SOUND) == Http2Start(
        settings=((1, 65_536), (0x2A2A, 7), (4, 131_072)),
        window_increment=12_517_377,
        priorities=(StreamPriority(3, False, 0, 201), StreamPriority(5, True, 3, 1)),
        first_stream=15,
        header_names=(b":method", b":scheme", b":path", b":authority"),
    )


def test_preface_may_stand_before_and_frames_behind() -> None:
    later = settings((9, 9)) + b"\0\0"
    assert parse_http2_start(PREFACE + SOUND + later) == parse_http2_start(SOUND)


@pytest.mark.parametrize("block", [RFC7541_C31, RFC7541_C41], ids=["plain", "Huffman"])
def test_names_of_the_examples(block: bytes) -> None:
    start = parse_http2_start(frame(HEADERS, block, flags=0x4, stream=1))
    assert start.pseudo_header_names == (b":method", b":scheme", b":path", b":authority")
    assert start.field_names == ()
    assert (start.settings, start.window_increment, start.priorities) == ((), None, ())


def test_repeated_name_by_its_index_in_the_dynamic_table() -> None:
    start = parse_http2_start(frame(HEADERS, RFC7541_C21 + b"\x82\xbe", flags=0x4, stream=1))
    assert start.header_names == (b"custom-key", b":method", b"custom-key")


def test_padding_priority_fields_and_continuations_are_taken_off() -> None:
    payload = b"\x03" + b"\0\0\0\x0b\xff" + RFC7541_C31[:4] + b"\0\0\0"
    frames = (
        frame(HEADERS, payload, flags=0x8 | 0x20, stream=1)
        + frame(CONTINUATION, RFC7541_C31[4:9], stream=1)
        + frame(CONTINUATION, RFC7541_C31[9:], flags=0x4, stream=1)
    )
    assert parse_http2_start(frames).pseudo_header_names == (b":method", b":scheme", b":path", b":authority")


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (b"", "no header block"),
        (settings((1, 1)), "no header block"),
        (settings((1, 1))[:-1], "frame runs over the end"),
        (frame(SETTINGS, b"\0\1\0"), "setting runs over the end"),
        (frame(WINDOW_UPDATE, b"\0\1"), "window update runs over the end"),
        (frame(HEADERS, RFC7541_C31, stream=1), "frame length runs over the end"),
        (frame(HEADERS, b"", stream=1) + settings(), "header block is not continued"),
        (
            frame(HEADERS, b"", stream=1) + frame(CONTINUATION, b"", stream=3),
            "header block is not continued",
        ),
        (frame(HEADERS, b"\x09\0", flags=0x4 | 0x8, stream=1), "padding runs over the end"),
        (frame(HEADERS, b"\xff\xff\xff", flags=0x4, stream=1), "header block cannot be decoded"),
        (frame(HEADERS, b"\xbe", flags=0x4, stream=1), "header block cannot be decoded"),
    ],
)
def test_broken_frames_say_why(frames: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_http2_start(frames)
    assert caught.value.reason == reason


@given(st.data())
def test_any_bytes_give_facts_or_malformed(data: st.DataObject) -> None:
    frames = bytearray(SOUND)
    for _ in range(data.draw(st.integers(0, 6))):
        frames[data.draw(st.integers(0, len(frames) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(frames)))
    try:
        start = parse_http2_start(bytes(frames[:cut]) + data.draw(st.binary(max_size=40)))
    except Malformed:
        return
    assert isinstance(start, Http2Start)

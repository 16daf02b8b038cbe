"""One direction of an HTTP/2 connection (RFC 9113): header blocks are decoded, data is counted.

    reader = FrameReader()
    for found in reader.feed(octets): ...       # HeaderBlock, Data, Reset, Settings
    reader.allow_table(size)                    # the other side's SETTINGS_HEADER_TABLE_SIZE

The decoder keeps HPACK's dynamic table, so every header block of the direction has to pass through it; bytes
may only be missing inside DATA frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hpack import Decoder, HPACKError

from capture_agent.wire.errors import Malformed
from capture_agent.wire.http1 import Field
from capture_agent.wire.http2 import (
    CONTINUATION,
    FLAG_ACK,
    FLAG_END_HEADERS,
    FLAG_PADDED,
    FLAG_PRIORITY,
    HEADERS,
    SETTINGS,
    STREAM_BITS,
)

DATA, RST_STREAM, PUSH_PROMISE = 0, 3, 5
FLAG_END_STREAM = 0x1
SETTING_HEADER_TABLE_SIZE = 1
FRAME_HEADER_BYTES = 9
MAX_BLOCK_BYTES = 65_536
"""Of one header block, compressed; what it may unfold to is bounded by the decoder, to as much."""
MAX_TABLE_BYTES = 65_536
"""Largest dynamic table that is followed: the default is 4,096, browsers' servers announce up to 65,536."""
_KEPT_KINDS = frozenset({HEADERS, CONTINUATION, SETTINGS, RST_STREAM, PUSH_PROMISE})


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """Fields of a request, a response or its trailer; pseudo-headers are among them."""

    stream: int
    fields: tuple[Field, ...]
    ends_stream: bool


@dataclass(frozen=True, slots=True)
class Data:
    """Some of a body."""

    stream: int
    size: int
    """Bytes of the frame, padding included."""
    ends_stream: bool


@dataclass(frozen=True, slots=True)
class Reset:
    """A stream was given up by this side."""

    stream: int


@dataclass(frozen=True, slots=True)
class Settings:
    """What this side allows the other."""

    header_table_size: int | None


Found = HeaderBlock | Data | Reset | Settings


class FrameReader:
    """Sans-I/O; raises Malformed once and is then over. The preface is not part of what it is fed."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skipped = 0
        """Bytes of the current frame's payload that are still to be passed over."""
        self._decoder = Decoder()
        self._block = bytearray()
        self._block_of: tuple[int, int, bool] | None = None
        """Kind, stream and whether it ends the stream of the header block that is being put together."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes held of frames and header blocks that are not whole."""
        return len(self._buffer) + len(self._block)

    def allow_table(self, size: int) -> None:
        """Let the sender use a dynamic table of this size, or of what was allowed before if that is more.

        The sender may not have read of a smaller one yet. Raises Malformed for one that is not followed.
        """
        if size > MAX_TABLE_BYTES:
            raise Malformed("header table is larger than 65536 bytes", 0)
        self._decoder.max_allowed_table_size = max(self._decoder.max_allowed_table_size, size)

    def can_skip(self, size: int) -> bool:
        """The next `size` bytes belong to a frame whose content does not matter."""
        return not self._buffer and size <= self._skipped

    def skip(self, size: int) -> None:
        """Pass over bytes that were not captured; `can_skip` was asked before."""
        self._skipped -= size

    def feed(self, octets: bytes) -> Iterator[Found]:
        """Take the next bytes."""
        passed = min(self._skipped, len(octets))
        self._skipped -= passed
        if passed == len(octets):
            return
        self._buffer += octets[passed:]
        at = 0
        while len(self._buffer) - at >= FRAME_HEADER_BYTES:
            header = bytes(self._buffer[at : at + FRAME_HEADER_BYTES])
            length, kind, flags = int.from_bytes(header[:3]), header[3], header[4]
            stream = int.from_bytes(header[5:]) & STREAM_BITS
            if self._block_of is not None and kind != CONTINUATION:
                raise Malformed("header block is not continued", 0)
            if kind not in _KEPT_KINDS:
                if kind == DATA:
                    yield Data(stream, length, bool(flags & FLAG_END_STREAM))
                at += FRAME_HEADER_BYTES
                passed = min(length, len(self._buffer) - at)
                at += passed
                self._skipped = length - passed
                continue
            if length > MAX_BLOCK_BYTES:
                raise Malformed("frame is longer than 65536 bytes", 0)
            if len(self._buffer) - at - FRAME_HEADER_BYTES < length:
                break
            at += FRAME_HEADER_BYTES
            payload = bytes(self._buffer[at : at + length])
            at += length
            yield from self._frame(kind, flags, stream, payload)
        del self._buffer[:at]

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> Iterator[Found]:
        if kind == SETTINGS:
            if not flags & FLAG_ACK:
                yield Settings(_header_table_size(payload))
        elif kind == RST_STREAM:
            yield Reset(stream)
        else:
            if kind != CONTINUATION:
                self._block_of = kind, stream, bool(flags & FLAG_END_STREAM)
                payload = _without_padding(kind, flags, payload)
            elif self._block_of is None or self._block_of[1] != stream:
                raise Malformed("continuation of no header block", 0)
            self._block += payload
            if len(self._block) > MAX_BLOCK_BYTES:
                raise Malformed("header block is longer than 65536 bytes", 0)
            if flags & FLAG_END_HEADERS:
                yield from self._block_end()

    def _block_end(self) -> Iterator[HeaderBlock]:
        kind, stream, ends_stream = self._block_of or (HEADERS, 0, False)
        try:
            fields = self._decoder.decode(bytes(self._block), raw=True)
        except HPACKError as error:
            raise Malformed("header block cannot be decoded", 0) from error
        self._block.clear()
        self._block_of = None
        if kind == HEADERS:
            yield HeaderBlock(stream, tuple((name, value) for name, value, *_ in fields), ends_stream)


def _header_table_size(payload: bytes) -> int | None:
    found = None
    for at in range(0, len(payload) - 5, 6):
        if int.from_bytes(payload[at : at + 2]) == SETTING_HEADER_TABLE_SIZE:
            found = int.from_bytes(payload[at + 2 : at + 6])
    return found


def _without_padding(kind: int, flags: int, payload: bytes) -> bytes:
    """What is left for HPACK: no padding, no priority, no promised stream (RFC 9113 sections 6.2, 6.6)."""
    begin, end = 0, len(payload)
    if flags & FLAG_PADDED:
        if not payload:
            raise Malformed("padding runs over the end", 0)
        begin, end = 1, end - payload[0]
    if kind == PUSH_PROMISE:
        begin += 4
    elif flags & FLAG_PRIORITY:
        begin += 5
    if begin > end:
        raise Malformed("padding runs over the end", 0)
    return payload[begin:end]

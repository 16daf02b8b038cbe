"""Reads the frames with which a client opens an HTTP/2 connection (RFC 9113), up to its first header block.

Values of header fields are not looked at: mod_reqin_log blanks them before they leave the server.
"""

from __future__ import annotations

from dataclasses import dataclass

from hpack import Decoder, HPACKError

from capture_agent.wire.cursor import Cursor
from capture_agent.wire.errors import Malformed

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, PRIORITY, SETTINGS, WINDOW_UPDATE, CONTINUATION = 1, 2, 4, 8, 9
FLAG_ACK, FLAG_END_HEADERS, FLAG_PADDED, FLAG_PRIORITY = 0x1, 0x4, 0x8, 0x20
STREAM_BITS = (1 << 31) - 1
"""Frame headers and priorities carry one reserved or exclusive bit before 31 bits of stream number."""


@dataclass(frozen=True, slots=True)
class StreamPriority:
    """What a PRIORITY frame says (RFC 9113 section 5.3.2, deprecated but still sent)."""

    stream: int
    is_exclusive: bool
    depends_on: int
    weight: int
    """1 to 256: one more than the byte on the wire."""


@dataclass(frozen=True, slots=True)
class Http2Start:
    """The client's side of an HTTP/2 connection until the end of its first header block."""

    settings: tuple[tuple[int, int], ...]
    """(identifier, value) of the first SETTINGS frame in wire order, repeated ones included."""
    window_increment: int | None
    """Of the first WINDOW_UPDATE for the whole connection; None without one."""
    priorities: tuple[StreamPriority, ...]
    """PRIORITY frames in wire order."""
    first_stream: int
    """Stream of the first header block."""
    header_names: tuple[bytes, ...]
    """Names of the first header block in wire order, pseudo-headers and duplicates included."""

    @property
    def pseudo_header_names(self) -> tuple[bytes, ...]:
        """Names that begin with a colon."""
        return tuple(name for name in self.header_names if name[:1] == b":")

    @property
    def field_names(self) -> tuple[bytes, ...]:
        """Names of ordinary fields."""
        return tuple(name for name in self.header_names if name[:1] != b":")


def parse_http2_start(frames: bytes) -> Http2Start:
    """Facts of the opening frames, with or without the preface; frames after the header block are ignored.

    Raises Malformed where a frame is cut or breaks RFC 9113, or the header block breaks RFC 7541.
    """
    cursor = Cursor(frames, len(PREFACE) if frames.startswith(PREFACE) else 0)
    settings: tuple[tuple[int, int], ...] | None = None
    window_increment: int | None = None
    priorities: list[StreamPriority] = []
    while cursor.remaining:
        start = cursor.pos
        length, kind, flags, stream = _frame_header(cursor)
        payload = Cursor(frames, cursor.pos, cursor.pos + length)
        cursor.skip(length, "frame")
        if kind == HEADERS:
            block = _header_block(payload, flags)
            if not flags & FLAG_END_HEADERS:
                block += _continuations(cursor, stream)
            return Http2Start(
                settings=settings or (),
                window_increment=window_increment,
                priorities=tuple(priorities),
                first_stream=stream,
                header_names=_names(block, start),
            )
        if kind == SETTINGS and not flags & FLAG_ACK and settings is None:
            settings = _settings(payload)
        elif kind == WINDOW_UPDATE and stream == 0 and window_increment is None:
            window_increment = payload.uint(4, "window update") & STREAM_BITS
        elif kind == PRIORITY:
            priorities.append(_priority(payload, stream))
    raise Malformed("no header block", cursor.pos)


def _frame_header(cursor: Cursor) -> tuple[int, int, int, int]:
    length = cursor.uint(3, "frame length")
    kind = cursor.uint(1, "frame type")
    flags = cursor.uint(1, "frame flags")
    return length, kind, flags, cursor.uint(4, "stream identifier") & STREAM_BITS


def _settings(payload: Cursor) -> tuple[tuple[int, int], ...]:
    entries: list[tuple[int, int]] = []
    while payload.remaining:
        identifier = payload.uint(2, "setting")
        entries.append((identifier, payload.uint(4, "setting")))
    return tuple(entries)


def _priority(payload: Cursor, stream: int) -> StreamPriority:
    dependency = payload.uint(4, "priority")
    return StreamPriority(
        stream=stream,
        is_exclusive=dependency > STREAM_BITS,
        depends_on=dependency & STREAM_BITS,
        weight=payload.uint(1, "priority") + 1,
    )


def _header_block(payload: Cursor, flags: int) -> bytes:
    padding = payload.uint(1, "padding length") if flags & FLAG_PADDED else 0
    if flags & FLAG_PRIORITY:
        payload.skip(5, "priority")
    if padding > payload.remaining:
        raise Malformed("padding runs over the end", payload.pos)
    return payload.take(payload.remaining - padding, "header block")


def _continuations(cursor: Cursor, stream: int) -> bytes:
    fragments: list[bytes] = []
    while True:
        start = cursor.pos
        length, kind, flags, of_stream = _frame_header(cursor)
        if kind != CONTINUATION or of_stream != stream:
            raise Malformed("header block is not continued", start)
        fragments.append(cursor.take(length, "header block"))
        if flags & FLAG_END_HEADERS:
            return b"".join(fragments)


def _names(block: bytes, offset: int) -> tuple[bytes, ...]:
    # The decoder bounds what a block may unfold to: 64 KiB of names and values.
    try:
        fields = Decoder().decode(block, raw=True)
    except HPACKError as error:
        raise Malformed("header block cannot be decoded", offset) from error
    return tuple(field[0] for field in fields)

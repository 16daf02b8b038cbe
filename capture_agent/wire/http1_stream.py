"""One direction of an HTTP/1 connection: heads are read, bodies are passed over and counted.

`feed` and `skip` take the next bytes of the stream, `skip` those of which only the number is known. Nothing
of a body is kept, so a body of any size costs nothing and bytes missing inside it do no harm.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from enum import Enum, auto

from capture_agent.wire.errors import Malformed
from capture_agent.wire.http1 import (
    NO_BODY,
    Body,
    Framing,
    RequestHead,
    ResponseHead,
    find_head_end,
    parse_request_head,
    parse_response_head,
)

MAX_CHUNK_LINE_BYTES = 4_096
"""A chunk's size and its extensions; Apache allows as much as a header line, nobody sends any."""


_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}\Z")


class _At(Enum):
    HEAD = auto()
    BODY = auto()
    CHUNK_LINE = auto()
    CHUNK = auto()
    TRAILER = auto()
    REST = auto()


class BodyEnd(Enum):
    """The message that the last head began is over."""

    END = auto()


class MessageReader(ABC):
    """Sans-I/O: `feed` gives heads and ends of messages, in order; raises Malformed once and is then over."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._at = _At.HEAD
        self._left = 0
        self.body_bytes = 0
        """Bytes of the current message's body so far, framing included."""
        self.head_bytes = 0
        """Length of the current message's head."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes held of a head that is not whole."""
        return len(self._buffer)

    @property
    def is_over(self) -> bool:
        """What comes now lasts until the connection ends."""
        return self._at is _At.REST

    @property
    def is_between_messages(self) -> bool:
        """Nothing of another message came yet."""
        return self._at is _At.HEAD and not self._buffer

    @abstractmethod
    def read_head(self, head: bytes) -> tuple[RequestHead | ResponseHead, Body]:
        """Parse a head and say what follows it. Raises Malformed."""

    def take_rest(self) -> bytes:
        """Everything from here on is another protocol's: what is held of it already."""
        self._at = _At.REST
        rest, self._buffer = bytes(self._buffer), bytearray()
        return rest

    def can_skip(self, size: int) -> bool:
        """The next `size` bytes are part of a body, whatever they are."""
        return self._at is _At.REST or (self._at in (_At.BODY, _At.CHUNK) and size <= self._left)

    def skip(self, size: int) -> Iterator[BodyEnd]:
        """Pass over bytes that were not captured; `can_skip` was asked before."""
        if self._at is not _At.REST:
            yield from self._pass_over(size)
        else:
            self.body_bytes += size

    def feed(self, octets: bytes) -> Iterator[RequestHead | ResponseHead | BodyEnd]:
        """Take the next bytes. Between two results the caller may call `take_rest`."""
        if self._at in (_At.BODY, _At.CHUNK) and not self._buffer and len(octets) <= self._left:
            yield from self._pass_over(len(octets))
            return
        self._buffer += octets
        while self._buffer:
            if self._at is _At.HEAD:
                head = self._maybe_head()
                if head is None:
                    return
                parsed, body = self.read_head(head)
                self.head_bytes, self.body_bytes = len(head), 0
                yield parsed
                if not self.is_over:
                    yield from self._begin(body)
            elif self._at in (_At.BODY, _At.CHUNK):
                size = min(self._left, len(self._buffer))
                del self._buffer[:size]
                yield from self._pass_over(size)
            elif self._at is _At.REST:
                self.body_bytes += len(self._buffer)
                self._buffer.clear()
            else:
                line = self._maybe_line()
                if line is None:
                    return
                yield from self._chunk_line(line)

    def _begin(self, body: Body) -> Iterator[BodyEnd]:
        if body.framing is Framing.UNTIL_CLOSE:
            self._at = _At.REST
        elif body.framing is Framing.CHUNKED:
            self._at = _At.CHUNK_LINE
        elif body.length:
            self._at, self._left = _At.BODY, body.length
        else:
            yield BodyEnd.END

    def _maybe_head(self) -> bytes | None:
        # RFC 9112 section 2.2: empty lines before a request line are to be ignored.
        if self._buffer[0] in b"\r\n":
            self._buffer = self._buffer.lstrip(b"\r\n")
            self._searched = 0
        size = find_head_end(self._buffer, self._searched)
        if not size:
            self._searched = len(self._buffer)
            return None
        self._searched = 0
        head = bytes(self._buffer[:size])
        del self._buffer[:size]
        return head

    def _maybe_line(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0 or end > MAX_CHUNK_LINE_BYTES:
            if len(self._buffer) > MAX_CHUNK_LINE_BYTES:
                raise Malformed("chunk line is longer than 4096 bytes", 0)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self.body_bytes += end + 1
        return line.removesuffix(b"\r")

    def _chunk_line(self, line: bytes) -> Iterator[BodyEnd]:
        if self._at is _At.TRAILER:
            if not line:
                self._at = _At.HEAD
                yield BodyEnd.END
            return
        size = line.partition(b";")[0].strip(b" \t")
        if not _CHUNK_SIZE.match(size):
            raise Malformed("chunk has no size", 0)
        length = int(size, 16)
        if length:
            # Behind its bytes a chunk has an empty line.
            self._at, self._left = _At.CHUNK, length + 2
        else:
            self._at = _At.TRAILER

    def _pass_over(self, size: int) -> Iterator[BodyEnd]:
        self._left -= size
        self.body_bytes += size
        if self._left:
            return
        if self._at is _At.CHUNK:
            self._at = _At.CHUNK_LINE
        else:
            self._at = _At.HEAD
            yield BodyEnd.END


class RequestReader(MessageReader):
    """The client's side."""

    def read_head(self, head: bytes) -> tuple[RequestHead, Body]:
        """As MessageReader says."""
        parsed = parse_request_head(head)
        return parsed, parsed.body()


class ResponseReader(MessageReader):
    """The server's side. Whether a response has a body depends on the request it answers."""

    def __init__(self) -> None:
        super().__init__()
        self.method = b"GET"
        """Of the request that the next response answers; to be set before it is fed."""

    def read_head(self, head: bytes) -> tuple[ResponseHead, Body]:
        """As MessageReader says."""
        parsed = parse_response_head(head)
        return parsed, parsed.body(self.method) if parsed.status >= 200 else NO_BODY

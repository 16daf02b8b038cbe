"""Heads of HTTP/1 messages and the length of what follows them (RFC 9112).

A lone line feed ends a line, as RFC 9112 section 2.2 allows and most servers accept. Names and values stay as
sent; whitespace around a value is no part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from capture_agent.wire.errors import Malformed

MAX_HEAD_BYTES = 65_536
"""Apache refuses more than 100 fields of 8 kB and nginx more than 32 kB unless told otherwise."""
MAX_FIELDS = 1_000

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}\Z")
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]\Z")
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64} [^ \r\n]+ HTTP/1\.[0-9]\r?\n")
_STATUS = re.compile(rb"[1-9][0-9]{2}\Z")
_LENGTH = re.compile(rb"[0-9]{1,18}\Z")

Field = tuple[bytes, bytes]


class Framing(Enum):
    """How the end of a body is told (RFC 9112 section 6)."""

    LENGTH = "length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until_close"


@dataclass(frozen=True, slots=True)
class Body:
    """What follows a head."""

    framing: Framing
    length: int = 0


NO_BODY = Body(Framing.LENGTH)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request line and its header fields."""

    method: bytes
    target: bytes
    version: bytes
    fields: tuple[Field, ...]

    def body(self) -> Body:
        """RFC 9112 section 6.3: without a length there is none. Raises Malformed."""
        coding, length = _coding(self.fields), _length(self.fields)
        if coding:
            if coding[-1] != b"chunked":
                raise Malformed("request body of unknown length", 0)
            return Body(Framing.CHUNKED)
        return Body(Framing.LENGTH, length or 0)

    def upgrades_to(self, protocol: bytes) -> bool:
        """The client offers to go on in `protocol` (RFC 9110 section 7.8)."""
        return protocol in _listed(self.fields, b"upgrade")


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """A status line and its header fields."""

    status: int
    fields: tuple[Field, ...]

    def body(self, method: bytes) -> Body:
        """RFC 9112 section 6.3, for the answer to a request with `method`. Raises Malformed."""
        if method == b"HEAD" or self.status < 200 or self.status in (204, 304):
            return NO_BODY
        coding, length = _coding(self.fields), _length(self.fields)
        if coding:
            return Body(Framing.CHUNKED if coding[-1] == b"chunked" else Framing.UNTIL_CLOSE)
        return Body(Framing.UNTIL_CLOSE) if length is None else Body(Framing.LENGTH, length)


def find_head_end(buffer: bytes | bytearray, searched: int) -> int:
    """Length of the head at the start of `buffer`, its empty line included; 0 for need-more.

    `searched` bytes were looked at before. Raises Malformed when it is too long.
    """
    match = _HEAD_END.search(buffer, max(searched - 3, 0))
    if match is None or match.end() > MAX_HEAD_BYTES:
        if len(buffer) > MAX_HEAD_BYTES:
            raise Malformed(HEAD_TOO_LONG, MAX_HEAD_BYTES)
        return 0
    return match.end()


HEAD_TOO_LONG = "head is longer than 65536 bytes"


def parse_request_head(head: bytes) -> RequestHead:
    """The head of a request. Raises Malformed."""
    line, fields = _lines(head)
    words = line.split(b" ")
    if len(words) != 3 or not words[1]:
        raise Malformed("request line has not three words", 0)
    method, target, version = words
    if not _METHOD.match(method):
        raise Malformed("method is no token", 0)
    if not _VERSION.match(version):
        raise Malformed("request line names no version of HTTP", len(method) + len(target) + 2)
    return RequestHead(method, target, version, fields)


def parse_response_head(head: bytes) -> ResponseHead:
    """The head of a response. Raises Malformed."""
    line, fields = _lines(head)
    version, _, rest = line.partition(b" ")
    status = rest[:3]
    if not _VERSION.match(version) or not _STATUS.match(status) or rest[3:4] not in (b"", b" "):
        raise Malformed("status line has no version and status", 0)
    return ResponseHead(int(status), fields)


def may_start_request(octets: bytes) -> bool:
    """The first bytes of a stream can be those of a request: a token, or empty lines before it."""
    line = octets.lstrip(b"\r\n")
    return not line or _METHOD.match(line.split(b" ", 1)[0]) is not None


def is_request_line(octets: bytes) -> bool:
    """The bytes begin with a whole request line of HTTP/1: used where the bytes before were lost."""
    return _REQUEST_LINE.match(octets) is not None


def values_of(fields: tuple[Field, ...], name: bytes) -> list[bytes]:
    """Values of every field with this lower-case name, in order."""
    return [value for field, value in fields if field.lower() == name]


def _lines(head: bytes) -> tuple[bytes, tuple[Field, ...]]:
    lines = [line.removesuffix(b"\r") for line in head.split(b"\n")]
    fields: list[Field] = []
    for line in lines[1:]:
        if not line:
            break
        if len(fields) >= MAX_FIELDS:
            raise Malformed("more than 1000 header fields", 0)
        if line[:1] in (b" ", b"\t"):
            # Folding, obsolete but met (RFC 9112 section 5.2): the value goes on.
            if not fields:
                raise Malformed("first header line is folded", 0)
            name, value = fields[-1]
            fields[-1] = name, value + b" " + line.strip(b" \t")
            continue
        name, colon, value = line.partition(b":")
        if not colon or not name:
            raise Malformed("header line has no name", 0)
        fields.append((name, value.strip(b" \t")))
    return lines[0], tuple(fields)


def _coding(fields: tuple[Field, ...]) -> list[bytes]:
    return _listed(fields, b"transfer-encoding")


def _length(fields: tuple[Field, ...]) -> int | None:
    lengths = set(_listed(fields, b"content-length"))
    if not lengths:
        return None
    (first, *others) = lengths
    if others or not _LENGTH.match(first):
        raise Malformed("content length is no single number", 0)
    return int(first)


def _listed(fields: tuple[Field, ...], name: bytes) -> list[bytes]:
    """Members of a comma-separated list, lower case, over all fields of that name."""
    members = [
        member.strip(b" \t").lower() for value in values_of(fields, name) for member in value.split(b",")
    ]
    return [member for member in members if member]

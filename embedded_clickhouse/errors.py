"""Exceptions as a ClickHouse server words them, with the HTTP status it would answer."""

from __future__ import annotations

import re

_CODE = re.compile(r"^Code: (\d+)\. ")
_REPEATED_PREFIX = re.compile(r"^Code: \d+\. DB::Exception: (?=Code: \d+\. DB::Exception: )")
_INNER_VERSION = re.compile(r" \(version [0-9.]+\)\. \([A-Z0-9_]+\)$")
_SPOOL_PATH = re.compile(r": \(in file/uri /proc/self/fd/\d+\)")

SYNTAX_ERROR = 62
UNKNOWN_FORMAT = 73
NOT_IMPLEMENTED = 48
READONLY = 164
REQUIRED_PASSWORD = 194
TOO_MANY_SIMULTANEOUS_QUERIES = 202
NOT_ENOUGH_SPACE = 243
SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
BAD_ARGUMENTS = 36
UNKNOWN_COMPRESSION_METHOD = 89
CANNOT_DECOMPRESS = 271
REQUEST_TOO_LARGE = 307
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516
UNKNOWN_EXCEPTION = 1002

_NAMES = {
    SYNTAX_ERROR: "SYNTAX_ERROR",
    UNKNOWN_FORMAT: "UNKNOWN_FORMAT",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    READONLY: "READONLY",
    REQUIRED_PASSWORD: "REQUIRED_PASSWORD",
    TOO_MANY_SIMULTANEOUS_QUERIES: "TOO_MANY_SIMULTANEOUS_QUERIES",
    NOT_ENOUGH_SPACE: "NOT_ENOUGH_SPACE",
    SESSION_NOT_FOUND: "SESSION_NOT_FOUND",
    SESSION_IS_LOCKED: "SESSION_IS_LOCKED",
    BAD_ARGUMENTS: "BAD_ARGUMENTS",
    UNKNOWN_COMPRESSION_METHOD: "UNKNOWN_COMPRESSION_METHOD",
    CANNOT_DECOMPRESS: "CANNOT_DECOMPRESS",
    REQUEST_TOO_LARGE: "TOO_MANY_BYTES",
    ACCESS_DENIED: "ACCESS_DENIED",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    UNKNOWN_EXCEPTION: "UNKNOWN_EXCEPTION",
}

# What the server's HTTP handler answers for these codes; every other code is 500.
_BAD_REQUEST = {6, 25, 26, 27, 32, 36, 38, 41, 43, 53, 62, 69, 72, 117, 130, 131, 167, 168, 271, 427}
_NOT_FOUND = {16, 45, 46, 47, 50, 56, 60, 63, 73, 81, 109, 115}
_STATUS = {
    **dict.fromkeys(_BAD_REQUEST, 400),
    **dict.fromkeys(_NOT_FOUND, 404),
    159: 408,  # TIMEOUT_EXCEEDED
    NOT_IMPLEMENTED: 501,
    REQUEST_TOO_LARGE: 413,
    REQUIRED_PASSWORD: 401,
    AUTHENTICATION_FAILED: 403,
    TOO_MANY_SIMULTANEOUS_QUERIES: 503,
}


class QueryError(Exception):
    """A statement that the engine or the gateway refused.

    `code` is ClickHouse's error number, `text` the message as the server sends it, without the version.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def status(self) -> int:
        """HTTP status that the server answers for this code."""
        return _STATUS.get(self.code, 500)


def refusal(code: int, message: str) -> QueryError:
    """A refusal by the gateway itself, worded like the server's."""
    return QueryError(code, f"Code: {code}. DB::Exception: {message} ({_NAMES[code]})")


def from_engine(message: str) -> QueryError:
    """An exception of the engine, from its message.

    Reading an insert's rows from a file makes the engine wrap its message in a second one and name the
    gateway's spool file; both are taken out, so that the text is what a server would send.
    """
    text = message.strip()
    match = _CODE.match(text)
    if match is None:
        return refusal(UNKNOWN_EXCEPTION, text or "the engine failed without a message")
    if _REPEATED_PREFIX.match(text):
        text = _INNER_VERSION.sub("", _REPEATED_PREFIX.sub("", text))
    return QueryError(int(match.group(1)), _SPOOL_PATH.sub("", text))

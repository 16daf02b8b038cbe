"""How a ClickHouse server words its answers: summary, content types, errors in mid-stream."""

from __future__ import annotations

import json

from embedded_clickhouse.errors import QueryError
from embedded_clickhouse.results import Counts

_CONTENT_TYPES = {
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "native": "application/octet-stream",
    "rowbinary": "application/octet-stream",
    "parquet": "application/octet-stream",
    "arrow": "application/octet-stream",
    "arrowstream": "application/octet-stream",
}
PLAIN_TEXT = "text/plain; charset=UTF-8"
MAX_HEADER_VALUE = 200


def content_type(maybe_format: str | None) -> str:
    """Content-Type of an output in that format."""
    return _CONTENT_TYPES.get((maybe_format or "").lower(), PLAIN_TEXT)


def summary(counts: Counts) -> str:
    """The X-ClickHouse-Summary header: numbers as strings, as the server writes them."""
    return json.dumps(
        {
            "read_rows": str(counts.read_rows),
            "read_bytes": str(counts.read_bytes),
            "written_rows": str(counts.written_rows),
            "written_bytes": str(counts.written_bytes),
            "total_rows_to_read": "0",
            "result_rows": str(counts.result_rows),
            "result_bytes": str(counts.result_bytes),
            "elapsed_ns": str(counts.elapsed_ns),
        }
    )


def error_text(error: QueryError, version: str) -> bytes:
    """The body of a refused request."""
    return f"{error.text} (version {version})\n".encode()


def exception_block(error: QueryError, tag: str, version: str) -> bytes:
    """An error after the first block was sent; the client finds it by the tag that the headers announced."""
    message = error_text(error, version)
    marked = tag.encode()
    return b"__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (marked, message, len(message), marked)


def header_safe(text: str) -> str:
    """`text` from a client, fit for a header of the answer."""
    return "".join(
        character for character in text[:MAX_HEADER_VALUE] if character.isprintable() and character.isascii()
    )

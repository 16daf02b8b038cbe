"""Rows as JSON lines: the form that ClickHouse reads as JSONEachRow.

Times become ISO 8601 with microseconds and `Z`, enums their values, byte strings base64, None null.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from capture_agent.events import AgentTick, HttpRequest, TlsHello
from capture_agent.rows import EncodedRequest, Row

TABLES: dict[type[TlsHello | HttpRequest | AgentTick], str] = {
    TlsHello: "raw_tls_hellos",
    HttpRequest: "raw_http_requests",
    AgentTick: "raw_agent_ticks",
}
"""Tables by the struct whose fields are their columns."""
US_PER_S = 1_000_000

_encoder = msgspec.json.Encoder()


def table_of(row: Row) -> str:
    """Name of the table a row belongs to."""
    return TABLES[HttpRequest if isinstance(row, EncodedRequest) else type(row)]


def encode_row(row: Row, left_out: frozenset[str] = frozenset()) -> bytes:
    """One JSON object with the column names of the row's table but those `left_out`, and a newline."""
    if isinstance(row, EncodedRequest):
        return row.line
    columns = msgspec.structs.asdict(row)
    for name in left_out:
        del columns[name]
    columns["ts"] = iso_time(row.ts)
    return _encoder.encode(columns) + b"\n"


def encode_row_with_table(row: Row) -> bytes:
    """As `encode_row`, with the table's name as first key, for streams that mix tables."""
    if isinstance(row, EncodedRequest):
        return b'{"table":"' + table_of(row).encode() + b'",' + row.line[1:]
    columns = msgspec.structs.asdict(row)
    columns["ts"] = iso_time(row.ts)
    return _encoder.encode({"table": table_of(row), **columns}) + b"\n"


def iso_time(ts_us: int) -> str:
    """`2026-11-22T14:20:32.123456Z`."""
    seconds, microseconds = divmod(ts_us, US_PER_S)
    return f"{_second(seconds)}.{microseconds:06}Z"


@lru_cache(maxsize=1_024)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")

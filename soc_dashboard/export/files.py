"""Rows as a file. CSV cells cannot become formulas; Parquet keeps types and texts as they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from soc_dashboard.store.rows import Row

MAX_EXPORT_ROWS = 50_000
"""Most rows of one file: what a spreadsheet still opens, and what one answer may cost the server's memory."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First characters that make a spreadsheet compute a cell (OWASP, CSV injection)."""
LEFT_OUT = ("total",)
"""Fields of rows that count the result and are no part of it."""


def csv_file(row_type: type[Row], rows: Sequence[Row]) -> bytes:
    """RFC 4180 with a header line, UTF-8. A text that a spreadsheet would compute gets a leading quote."""
    names = columns_of(row_type)
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in names])
    return output.getvalue().encode("utf-8", "replace")


def parquet_file(row_type: type[Row], rows: Sequence[Row]) -> bytes:
    """One table with the rows' types: texts, numbers, booleans and UTC times with microseconds."""
    names = columns_of(row_type)
    arrays = {name: pa.array([_plain(getattr(row, name)) for row in rows]) for name in names}
    output = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays), output, compression="zstd")
    content: bytes = output.getvalue().to_pybytes()
    return content


def columns_of(row_type: type[Row]) -> list[str]:
    """The columns of a file of such rows."""
    return [field.name for field in msgspec.structs.fields(row_type) if field.name not in LEFT_OUT]


def _cell(value: Any) -> str | int | float | None:
    plain = _plain(value)
    if isinstance(plain, datetime):
        return plain.isoformat()
    if isinstance(plain, str):
        return f"'{plain}" if plain.startswith(FORMULA_STARTS) else plain
    return plain


def _plain(value: Any) -> str | int | float | datetime | None:
    """A value that both formats have: lists and records become JSON."""
    if value is None or isinstance(value, str | bool | int | float | datetime):
        return value
    if isinstance(value, UUID):
        return str(value)
    return msgspec.json.encode(value).decode()

"""Rows into batches: JSON lines of one table, cut by size, named by their content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import lz4.frame

from capture_agent.rows import Row
from capture_agent.sink.encode import TABLES, encode_row, table_of

LZ4 = "lz4"
TOKEN_BYTES = 16


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch is full."""

    max_rows: int = 50_000
    """ClickHouse asks for 10,000 to 100,000 rows an insert; each insert makes a part on disk."""
    max_bytes: int = 32 << 20
    """JSON text of one batch; also what may be lost from memory when the agent is killed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one insert stores."""

    table: str
    rows: int
    block: bytes
    """JSON lines, as `encoding` says."""
    token: str
    """Made of the lines: two inserts of the same lines are one to the database, also after a restart."""
    encoding: str | None = None
    """How `block` is compressed, by its name in HTTP; None: not at all."""

    def packed(self) -> Batch:
        """The same batch compressed: for the wire and the disk."""
        if self.encoding is not None:
            return self
        return Batch(self.table, self.rows, lz4.frame.compress(self.block), self.token, LZ4)


@dataclass(slots=True)
class _Open:
    lines: list[bytes] = field(default_factory=list)
    size_bytes: int = 0


class BatchCutter:
    """Collects rows by table and gives each batch when it is full."""

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits
        self._open = {table: _Open() for table in TABLES.values()}

    @property
    def held_rows(self) -> int:
        """Rows in batches that are not full."""
        return sum(len(batch.lines) for batch in self._open.values())

    def held_by_table(self) -> dict[str, int]:
        """The same by table."""
        return {table: len(batch.lines) for table, batch in self._open.items()}

    def add(self, rows: Sequence[Row]) -> Iterator[Batch]:
        """Take rows in; gives the batches that are full. A row is in a batch or held, never both."""
        for row in rows:
            table, line = table_of(row), encode_row(row)
            batch = self._open[table]
            if batch.lines and batch.size_bytes + len(line) > self._limits.max_bytes:
                yield self._cut(table)
                batch = self._open[table]
            batch.lines.append(line)
            batch.size_bytes += len(line)
            if len(batch.lines) >= self._limits.max_rows or batch.size_bytes >= self._limits.max_bytes:
                yield self._cut(table)

    def cut_all(self) -> Iterator[Batch]:
        """Every batch that holds a row, full or not."""
        for table, batch in self._open.items():
            if batch.lines:
                yield self._cut(table)

    def drop(self) -> None:
        """Forget what is held."""
        self._open = {table: _Open() for table in TABLES.values()}

    def _cut(self, table: str) -> Batch:
        batch = self._open[table]
        self._open[table] = _Open()
        block = b"".join(batch.lines)
        return Batch(table, len(batch.lines), block, content_token(block))


def content_token(block: bytes) -> str:
    """The deduplication token of JSON lines."""
    return blake2b(block, digest_size=TOKEN_BYTES).hexdigest()

"""Rows into ClickHouse: bounded batches, one insert each, repeated safely when the database is away.

A batch is one insert with a token made of its content. ClickHouse forgets a second insert with the same
token, so a batch whose acknowledgement was lost is sent again without being stored twice.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from capture_agent.ports import RowCounts, SinkError
from capture_agent.rows import Row
from capture_agent.sink.encode import TABLES, encode_row, table_of


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch is full."""

    max_rows: int = 50_000
    """ClickHouse asks for 10,000 to 100,000 rows an insert; each insert makes a part on disk."""
    max_bytes: int = 32 << 20
    """JSON text of one batch; also what may be lost from memory when the agent is killed."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long an insert is tried."""

    deadline_s: float = 60.0
    """After the first failure; then the rows are given up, and a replay stops. Infinity: never."""
    first_pause_s: float = 0.5
    longest_pause_s: float = 8.0


class InsertFailed(Exception):  # noqa: N818 - an outcome that the caller handles, not a fault of the program
    """One attempt failed. `is_transient`: the same may succeed later; `code`: the server's, if any."""

    def __init__(self, reason: str, *, is_transient: bool, code: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_transient = is_transient
        self.code = code


class Inserter(Protocol):
    """The database, as far as the sink needs it."""

    def insert(self, table: str, block: bytes, token: str) -> None:
        """Insert JSONEachRow text as one block; return once it is stored. Raises InsertFailed."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the sink sees it, so that tests need not wait."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


@dataclass(slots=True)
class _Batch:
    lines: list[bytes]
    size_bytes: int = 0


class ClickHouseSink:
    """Collects rows per table and inserts full batches."""

    def __init__(
        self,
        inserter: Inserter,
        clock: Clock,
        say: Callable[[str], None],
        limits: BatchLimits,
        retry: RetryPolicy,
    ) -> None:
        self.counts = RowCounts()
        self._inserter = inserter
        self._clock = clock
        self._say = say
        self._limits = limits
        self._retry = retry
        self._batches = {table: _Batch([]) for table in TABLES.values()}

    def write(self, rows: Sequence[Row]) -> None:
        """Take rows in and insert the batches that are full by then."""
        for at, row in enumerate(rows):
            table, line = table_of(row), encode_row(row)
            if self._is_full(table, len(line)):
                self._insert(table, behind=rows[at:])
            batch = self._batches[table]
            batch.lines.append(line)
            batch.size_bytes += len(line)
        for table in self._batches:
            if self._is_full(table, 0):
                self._insert(table)

    def flush(self) -> None:
        """Insert every batch."""
        for table, batch in self._batches.items():
            if batch.lines:
                self._insert(table)

    def close(self) -> None:
        """Nothing is held but memory."""

    def _is_full(self, table: str, more_bytes: int) -> bool:
        batch = self._batches[table]
        return len(batch.lines) >= self._limits.max_rows or (
            bool(batch.lines) and batch.size_bytes + more_bytes > self._limits.max_bytes
        )

    def _insert(self, table: str, behind: Sequence[Row] = ()) -> None:
        """Insert a batch. `behind` are the rows that were given with it and are in no batch yet."""
        lines = self._batches[table].lines
        block = b"".join(lines)
        token = blake2b(block, digest_size=16).hexdigest()
        try:
            insert_with_retries(
                lambda: self._inserter.insert(table, block, token), self._clock, self._say, self._retry
            )
        except InsertFailed as error:
            raise self._give_up(error.reason, behind) from error
        self.counts.inserted += len(lines)
        self._batches[table] = _Batch([])

    def _give_up(self, reason: str, behind: Sequence[Row]) -> SinkError:
        unwritten = Counter({table: len(batch.lines) for table, batch in self._batches.items()})
        unwritten.update(table_of(row) for row in behind)
        self.counts.discarded += unwritten.total()
        # A live agent goes on with the rows that follow: what was given up must not come along again.
        self._batches = {table: _Batch([]) for table in TABLES.values()}
        rows = ", ".join(f"{count} rows of {table}" for table, count in unwritten.items() if count)
        return SinkError(f"ClickHouse did not take the rows ({reason}); not written: {rows}")


def insert_with_retries(
    attempt: Callable[[], None], clock: Clock, say: Callable[[str], None], retry: RetryPolicy
) -> None:
    """Call `attempt` until it succeeds, fails for good, or the deadline passes; raises InsertFailed."""
    pause_s = retry.first_pause_s
    give_up_at: float | None = None
    while True:
        try:
            attempt()
            return
        except InsertFailed as error:
            if not error.is_transient:
                raise
            now = clock.monotonic()
            if give_up_at is None:
                give_up_at = now + retry.deadline_s
            if now >= give_up_at:
                raise InsertFailed(
                    f"{error.reason}; gave up after {retry.deadline_s:g} s", is_transient=True
                ) from error
            pause_s = min(pause_s, give_up_at - now)
            left_s = give_up_at - now
            giving_up = "" if math.isinf(left_s) else f", giving up in {left_s:.3g} s"
            say(f"ClickHouse: {error.reason}; trying again in {pause_s:.3g} s{giving_up}")
            clock.sleep(pause_s)
            pause_s = min(pause_s * 2, retry.longest_pause_s)

"""Rows into ClickHouse: bounded batches, one insert each, repeated safely when the database is away.

A batch is one insert with a token made of its content. ClickHouse forgets a second insert with the same
token, so a batch whose acknowledgement was lost is sent again without being stored twice.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from capture_agent.ports import DiscardReason, RowCounts, SinkError
from capture_agent.rows import Row
from capture_agent.sink.batch import Batch, BatchCutter, BatchLimits


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long an insert is tried."""

    deadline_s: float = 60.0
    """After the first failure; then the rows are given up, and a replay stops. Infinity: never."""
    first_pause_s: float = 0.5
    longest_pause_s: float = 8.0


class InsertFailed(Exception):  # noqa: N818 - an outcome that the caller handles, not a fault of the program
    """One attempt failed."""

    def __init__(
        self, reason: str, *, is_transient: bool, code: int | None = None, is_mendable: bool = False
    ) -> None:
        """`is_transient`: the same may succeed later by itself; `is_mendable`: after an operator acted.

        `code`: the server's, if it answered.
        """
        super().__init__(reason)
        self.reason = reason
        self.is_transient = is_transient
        self.is_mendable = is_mendable
        self.code = code


class Inserter(Protocol):
    """The database, as far as the sink needs it."""

    def insert(self, table: str, block: bytes, token: str, encoding: str | None = None) -> None:
        """Insert JSONEachRow text as one block; return once it is stored. Raises InsertFailed.

        `encoding`: how the text is compressed, by its name in HTTP.
        """


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the sink sees it, so that tests need not wait."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


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
        self._retry = retry
        self._cutter = BatchCutter(limits)

    def write(self, rows: Sequence[Row]) -> None:
        """Take rows in and insert the batches that are full by then."""
        self._insert(list(self._cutter.add(rows)))

    def flush(self) -> None:
        """Insert every batch."""
        self._insert(list(self._cutter.cut_all()))

    def close(self) -> None:
        """Nothing is held but memory."""

    def _insert(self, batches: Sequence[Batch]) -> None:
        for at, batch in enumerate(batches):
            attempt = partial(self._inserter.insert, batch.table, batch.block, batch.token)
            try:
                insert_with_retries(attempt, self._clock, self._say, self._retry)
            except InsertFailed as error:
                raise self._give_up(error.reason, batches[at:]) from error
            self.counts.inserted += batch.rows

    def _give_up(self, reason: str, batches: Sequence[Batch]) -> SinkError:
        unwritten = Counter(self._cutter.held_by_table())
        for batch in batches:
            unwritten[batch.table] += batch.rows
        self.counts.discards[DiscardReason.REFUSED] += unwritten.total()
        # What was given up must not come along with the rows that follow.
        self._cutter.drop()
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

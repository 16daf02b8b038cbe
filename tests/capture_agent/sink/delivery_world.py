"""Outbox and sender with a database and a clock that follow a script, and a spool in a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import lz4.frame

from capture_agent.ports import RowCounts
from capture_agent.sink.batch import Batch, content_token
from capture_agent.sink.clickhouse import InsertFailed
from capture_agent.sink.outbox import Outbox, OutboxLimits
from capture_agent.sink.sender import BackoffPolicy, Sender
from capture_agent.sink.spool_store import SpoolFolder

AWAY = InsertFailed("http://db:8123/x: Connection refused", is_transient=True)
UNKNOWN = InsertFailed("http://db:8123/x: timed out", is_transient=True)
MEMORY = InsertFailed("code 241: memory limit", is_transient=True, code=241)
UNREADABLE = InsertFailed("code 27: cannot parse input", is_transient=False, code=27)
US_PER_S = 1_000_000


@dataclass
class ScriptedDatabase:
    """Answers by a script, then always yes; forgets a second block of one token, as ClickHouse does."""

    script: list[InsertFailed | None] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    attempts: list[str] = field(default_factory=list)
    stores_before_failing: bool = False
    poison: str = ""
    """Always refused with MEMORY."""

    def insert(self, table: str, block: bytes, token: str, encoding: str | None = None) -> None:
        assert (table, encoding) == ("raw_tls_hellos", "lz4")
        self.attempts.append(token)
        outcome = self.script.pop(0) if self.script else None
        if token == self.poison:
            outcome = MEMORY
        if outcome is None or self.stores_before_failing:
            self.stored[token] = lz4.frame.decompress(block)
        if outcome is not None:
            raise outcome

    def rows(self) -> Counter[bytes]:
        return Counter(line for block in self.stored.values() for line in block.splitlines())


@dataclass
class World:
    """An outbox, its folder, its sender, and the time, which passes only when told."""

    folder: Path
    database: ScriptedDatabase
    limits: OutboxLimits = field(default_factory=OutboxLimits)
    has_spool: bool = True
    now_s: float = 1_000.0
    wall_s: float = 1_795_350_000.0
    said: list[str] = field(default_factory=list)
    given: int = 0
    flushed: int = 0
    check: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A run of the agent."""
        self.spool = SpoolFolder(self.folder, 1 << 20, self._report) if self.has_spool else None
        self.counts = RowCounts()
        self.flushed = 0
        self.outbox = Outbox(
            self.spool,
            self.limits,
            self.counts,
            lambda: int(self.wall_s * US_PER_S),
            self._report,
            self._note_flushed,
        )
        self.sender = Sender(
            self.outbox,
            self.database,
            lambda: self.check(),
            lambda: self.now_s,
            lambda: 0.0,
            self._report,
            BackoffPolicy(),
        )

    def kill(self) -> None:
        """What is in memory is gone; the next run begins."""
        if self.spool is not None:
            self.spool.close()
        self.start()

    def put(self, number: int, rows: int = 10) -> Batch:
        lines = b"".join(b'{"row":"%d-%d"}\n' % (number, row) for row in range(rows))
        batch = Batch("raw_tls_hellos", rows, lines, content_token(lines)).packed()
        self.given += rows
        self.outbox.put(batch)
        return batch

    def drain(self, steps: int = 1_000) -> None:
        """Step until nothing is to be sent, as the thread would."""
        for _ in range(steps):
            pause_s = self.sender.step()
            if pause_s is None:
                return
            self.pass_time(pause_s)
        raise AssertionError("it never came to an end")

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        self.wall_s += seconds

    def files(self, inner: str = "") -> list[str]:
        return sorted(path.name for path in (self.folder / inner).iterdir() if path.name.endswith(".batch"))

    def _report(self, kind: str, sentence: str) -> None:
        self.said.append(f"{kind}: {sentence}")

    def _note_flushed(self, table: str, rows: int) -> None:
        assert table == "raw_tls_hellos"
        self.flushed += rows

    def assert_books_balance(self, at_start: int = 0) -> None:
        counts = self.counts
        waiting = self.outbox.waiting_rows() + self.outbox.depth().rows
        assert self.given + at_start == counts.inserted + counts.rejected + counts.discarded + waiting

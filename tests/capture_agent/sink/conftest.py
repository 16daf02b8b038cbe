"""Rows to write, and a database and a clock that follow a script."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# Tests are imported without their folder on the path.
sys.path.insert(0, str(Path(__file__).parent))

from delivery_world import ScriptedDatabase, World

from capture_agent.events import AgentTick
from capture_agent.sink.batch import BatchLimits
from capture_agent.sink.clickhouse import ClickHouseSink, Clock, InsertFailed, RetryPolicy


@dataclass
class ScriptedInserter:
    """Answers each insert with the next step of its script: None is success; afterwards all succeed."""

    script: list[InsertFailed | None] = field(default_factory=list)
    attempts: list[tuple[str, bytes, str]] = field(default_factory=list)
    stored: list[tuple[str, bytes, str]] = field(default_factory=list)

    def insert(self, table: str, block: bytes, token: str) -> None:
        self.attempts.append((table, block, token))
        outcome = self.script.pop(0) if self.script else None
        if outcome is not None:
            raise outcome
        self.stored.append((table, block, token))


@dataclass
class ManualClock:
    """Time that passes only by sleeping."""

    now_s: float = 1_000.0
    pauses: list[float] = field(default_factory=list)

    def clock(self) -> Clock:
        return Clock(lambda: self.now_s, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_s += seconds


@dataclass
class Bench:
    """A sink with everything around it in view."""

    sink: ClickHouseSink
    inserter: ScriptedInserter
    clock: ManualClock
    said: list[str]


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """Builds a sink whose database answers by a script."""

    def build(
        *script: InsertFailed | None, max_rows: int = 3, max_bytes: int = 1 << 20, deadline_s: float = 60
    ) -> Bench:
        inserter, clock, said = ScriptedInserter(list(script)), ManualClock(), []
        sink = ClickHouseSink(
            inserter,
            clock.clock(),
            said.append,
            BatchLimits(max_rows, max_bytes),
            RetryPolicy(deadline_s=deadline_s),
        )
        return Bench(sink, inserter, clock, said)

    return build


@pytest.fixture
def ticks() -> Callable[[int], list[AgentTick]]:
    """So many different rows of one table."""
    return lambda count: [AgentTick(sensor="s", ts=minute * 60_000_000, run_id=1) for minute in range(count)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(*script: InsertFailed | None, **options: Any) -> World:
        made.append(World(tmp_path / "spool", ScriptedDatabase(list(script)), **options))
        return made[-1]

    yield make
    for one in made:
        if one.spool is not None:
            one.spool.close()

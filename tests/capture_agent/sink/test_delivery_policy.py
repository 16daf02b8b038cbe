"""Outbox and sender against a database and a clock that follow a script: nothing lost, nothing doubled."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lz4.frame
import pytest

from capture_agent.ports import DiscardReason, RowCounts, SinkError
from capture_agent.sink.batch import Batch, content_token
from capture_agent.sink.clickhouse import InsertFailed
from capture_agent.sink.outbox import Outbox, OutboxLimits
from capture_agent.sink.sender import BackoffPolicy, Sender
from capture_agent.sink.spool_format import file_name
from capture_agent.sink.spool_store import DAMAGED, REJECTED, SpoolFolder

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


def test_while_all_is_well_nothing_touches_the_disk(world: Callable[..., World]) -> None:
    w = world()
    for number in range(5):
        w.put(number)
    w.drain()
    assert (w.counts.inserted, w.counts.spooled, w.counts.drained, w.files()) == (50, 0, 0, [])
    assert w.flushed == 50
    w.assert_books_balance()


def test_outage_is_spooled_and_drained_in_order(world: Callable[..., World]) -> None:
    w = world(*[AWAY] * 4)
    tokens = [w.put(number).token for number in range(3)]
    for _ in range(4):
        pause_s = w.sender.step()
        assert pause_s
        w.pass_time(pause_s)
    tokens += [w.put(number).token for number in range(3, 6)]
    assert w.outbox.depth().batches == len(w.files()) == 6
    assert w.outbox.waiting_rows() == 0
    assert w.flushed == 60
    w.assert_books_balance()
    w.drain()
    assert w.database.attempts[4:] == tokens
    assert (w.counts.inserted, w.counts.spooled, w.counts.drained) == (60, 60, 60)
    assert (w.files(), w.outbox.depth().rows) == ([], 0)
    assert set(w.database.rows().values()) == {1}
    w.assert_books_balance()


def test_pauses_double_up_to_their_bound_and_start_anew_after_a_success(world: Callable[..., World]) -> None:
    w = world(*[AWAY] * 9, None, AWAY)
    w.put(0)
    w.put(1)
    pauses = [w.sender.step() for _ in range(9)]
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert w.sender.step() == 0
    assert w.sender.step() == 0.5


@pytest.mark.parametrize(("chance", "pause_s"), [(0.0, 8.0), (0.5, 6.0), (1.0, 4.0)])
def test_jitter_takes_up_to_half_of_a_pause(chance: float, pause_s: float) -> None:
    assert BackoffPolicy().pause_s(5, chance) == pause_s


def test_killed_agent_loses_what_was_in_memory_and_drains_the_rest(world: Callable[..., World]) -> None:
    w = world(*[AWAY] * 2)
    for number in range(3):
        w.put(number)
    w.sender.step()
    assert w.flushed == 30
    w.kill()
    assert w.outbox.depth().rows == 30
    w.put(3)
    w.drain()
    assert sum(w.database.rows().values()) == 40
    w.given -= 30
    w.assert_books_balance(at_start=30)


def test_unknown_outcome_is_not_doubled_also_across_a_restart(world: Callable[..., World]) -> None:
    """The database stored the batch and the answer was lost; the agent is killed before it can ask again."""
    w = world(UNKNOWN)
    w.database.stores_before_failing = True
    token = w.put(0).token
    w.sender.step()
    w.kill()
    w.drain()
    assert w.database.attempts == [token, token]
    assert set(w.database.rows().values()) == {1}


def test_one_bad_batch_is_set_aside_and_the_rest_goes_on(world: Callable[..., World]) -> None:
    w = world(None, UNREADABLE)
    for number in range(4):
        w.put(number)
    w.drain()
    assert (w.counts.inserted, w.counts.rejected) == (30, 10)
    assert w.files(REJECTED) == [file_name(1)]
    assert any("rejects 10 rows: code 27" in one for one in w.said)
    w.assert_books_balance()


def test_rejected_batch_out_of_the_spool_is_set_aside_too(world: Callable[..., World]) -> None:
    w = world(AWAY, None, UNREADABLE)
    for number in range(3):
        w.put(number)
    w.drain()
    assert (w.counts.inserted, w.counts.rejected, w.files(), w.files(REJECTED)) == (
        20,
        10,
        [],
        [file_name(1)],
    )
    w.assert_books_balance()


def test_batch_that_always_makes_the_server_fail_lets_others_pass(world: Callable[..., World]) -> None:
    w = world()
    w.database.poison = w.put(0).token
    for number in range(1, 4):
        w.put(number)
    for _ in range(40):
        w.pass_time(w.sender.step() or 1.0)
    assert w.counts.inserted == 30
    assert w.outbox.depth().batches == 1
    w.database.poison = ""
    w.pass_time(60)
    w.drain()
    assert w.counts.inserted == 40


def test_database_that_hangs_does_not_keep_batches_off_the_disk(world: Callable[..., World]) -> None:
    w = world(limits=OutboxLimits(hold_us=2 * US_PER_S))
    w.put(0)
    taken = w.outbox.maybe_take(w.now_s)
    assert taken is not None
    w.put(1)
    w.pass_time(1)
    w.outbox.keep_up()
    assert w.files() == []
    w.pass_time(1.5)
    w.outbox.keep_up()
    assert w.files() == [file_name(0), file_name(1)]
    w.outbox.settle_stored(taken)
    assert w.files() == [file_name(1)]
    w.drain()
    assert (w.counts.inserted, w.counts.spooled, w.counts.drained) == (20, 20, 20)
    w.assert_books_balance()


@pytest.mark.parametrize("step_s", [-3_600, 3_600])
def test_clock_that_is_stepped_by_an_hour_loses_nothing(world: Callable[..., World], step_s: int) -> None:
    w = world(AWAY)
    w.put(0)
    w.wall_s += step_s
    w.put(1)
    w.outbox.keep_up()
    w.sender.step()
    w.wall_s -= step_s
    w.outbox.keep_up()
    w.drain()
    assert (w.counts.inserted, w.counts.discarded) == (20, 0)


def test_oldest_make_room_when_the_spool_is_full(world: Callable[..., World]) -> None:
    w = world(*[AWAY] * 50, limits=OutboxLimits(spool_bytes=2_000))
    for number in range(20):
        w.put(number)
        w.sender.step()
    assert w.outbox.depth().file_bytes <= 2_000
    kept = w.files()
    assert 1 < len(kept) < 20
    assert kept == [file_name(number) for number in range(20 - len(kept), 20)]
    assert w.counts.discards == {DiscardReason.SPOOL_FULL: 10 * (20 - len(kept))}
    w.assert_books_balance()


def test_batches_that_waited_too_long_are_discarded(world: Callable[..., World]) -> None:
    w = world(*[AWAY] * 50, limits=OutboxLimits(spool_age_us=3_600 * US_PER_S))
    w.put(0)
    w.sender.step()
    w.pass_time(3_000)
    w.put(1)
    w.pass_time(700)
    w.outbox.keep_up()
    assert w.counts.discards == {DiscardReason.SPOOL_OLD: 10}
    assert w.files() == [file_name(1)]
    w.assert_books_balance()


def test_full_disk_leaves_memory_and_then_costs_the_oldest(
    world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world(*[AWAY] * 500, limits=OutboxLimits(memory_bytes=1_000))
    real = os.write

    def full(descriptor: int, block: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    tokens = []
    for number in range(30):
        tokens.append(w.put(number).token)
        w.sender.step()
        w.outbox.keep_up()
    assert w.files() == []
    assert set(w.counts.discards) == {DiscardReason.DISK}
    assert any("No space left on device" in one for one in w.said)
    w.assert_books_balance()
    lost = w.counts.discarded // 10
    assert 0 < lost < 30
    monkeypatch.setattr(os, "write", real)
    w.pass_time(2)
    w.outbox.keep_up()
    assert len(w.files()) == 30 - lost
    w.database.script.clear()
    w.drain()
    assert w.database.attempts[-(30 - lost) :] == tokens[lost:]
    w.assert_books_balance()


def test_without_a_spool_memory_is_bounded_and_the_end_is_counted(world: Callable[..., World]) -> None:
    w = world(*[AWAY] * 500, has_spool=False, limits=OutboxLimits(memory_bytes=1_000))
    for number in range(30):
        w.put(number)
        w.sender.step()
    assert w.counts.discards[DiscardReason.QUEUE_FULL] > 0
    w.outbox.end()
    assert w.counts.discards[DiscardReason.STOPPED] == 300 - w.counts.discards[DiscardReason.QUEUE_FULL]
    w.assert_books_balance()


def test_end_brings_everything_to_disk_also_what_is_being_inserted(world: Callable[..., World]) -> None:
    w = world()
    w.put(0)
    w.put(1)
    taken = w.outbox.maybe_take(w.now_s)
    w.outbox.end()
    assert w.files() == [file_name(0), file_name(1)]
    assert taken is not None
    w.outbox.settle_stored(taken)
    assert w.files() == [file_name(1)]
    w.assert_books_balance()


def test_damaged_batch_costs_itself_alone(world: Callable[..., World]) -> None:
    w = world(*[AWAY] * 1)
    for number in range(3):
        w.put(number)
    w.sender.step()
    with (w.folder / file_name(1)).open("r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"\0\xff\0")
    w.drain()
    assert (w.counts.inserted, w.counts.discards) == (20, {DiscardReason.DAMAGED: 10})
    assert w.files(DAMAGED) == [file_name(1)]
    w.assert_books_balance()


def test_what_was_put_is_safe_once_stored_spooled_or_lost(world: Callable[..., World]) -> None:
    w = world(None, AWAY)
    w.put(0)
    w.put(1)
    assert not w.outbox.is_safe(0)
    w.sender.step()
    assert (w.outbox.is_safe(0), w.outbox.is_safe(1)) == (True, False)
    w.sender.step()
    assert w.outbox.is_safe(1)


def test_database_with_another_schema_is_asked_again_and_its_refusal_has_a_time(
    world: Callable[..., World],
) -> None:
    w = world()

    def refuse() -> None:
        raise SinkError("the database has no schema yet")

    w.check = refuse
    w.put(0)
    for _ in range(3):
        w.pass_time(w.sender.step() or 0)
    assert w.sender.refused_since_s == 1_000.0
    assert w.sender.refusal == "the database has no schema yet"
    assert w.database.attempts == []
    w.check = lambda: None
    w.drain()
    assert (w.sender.refusal, w.counts.inserted) == (None, 10)

"""What a delivery gives up when memory, disk or time is short: the oldest first, all of it counted."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest
from delivery_world import AWAY, US_PER_S, World

from capture_agent.ports import DiscardReason, SinkError
from capture_agent.sink.outbox import OutboxLimits
from capture_agent.sink.spool_format import file_name
from capture_agent.sink.spool_store import DAMAGED


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

"""Outbox and sender against a database and a clock that follow a script: nothing lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from delivery_world import AWAY, UNKNOWN, UNREADABLE, US_PER_S, World

from capture_agent.sink.outbox import OutboxLimits
from capture_agent.sink.sender import BackoffPolicy
from capture_agent.sink.spool_format import file_name
from capture_agent.sink.spool_store import REJECTED


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

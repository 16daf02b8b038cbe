"""Batches, repetition and giving up, against a database that follows a script."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from capture_agent.ports import SinkError
from capture_agent.sink.clickhouse import InsertFailed

AWAY = InsertFailed("http://db:8123/x: Connection refused", is_transient=True)
TIMEOUT = InsertFailed("http://db:8123/x: timed out", is_transient=True)
TOO_MANY_PARTS = InsertFailed("Code: 252. Too many parts", is_transient=True)
NO_SUCH_COLUMN = InsertFailed("Code: 16. No such column", is_transient=False)


def test_full_batch_is_one_insert_and_the_rest_waits_for_the_flush(bench: Any, ticks: Any) -> None:
    b = bench(max_rows=3)
    b.sink.write(ticks(7))
    assert [block.count(b"\n") for _, block, _ in b.inserter.stored] == [3, 3]
    assert b.sink.counts.inserted == 6
    b.sink.flush()
    assert [block.count(b"\n") for _, block, _ in b.inserter.stored] == [3, 3, 1]
    assert b.sink.counts.inserted == 7
    assert {table for table, _, _ in b.inserter.stored} == {"raw_agent_ticks"}


def test_batch_is_bounded_in_bytes_and_one_large_row_still_goes(bench: Any, ticks: Any) -> None:
    b = bench(max_rows=100, max_bytes=10)
    b.sink.write(ticks(3))
    b.sink.flush()
    assert [block.count(b"\n") for _, block, _ in b.inserter.stored] == [1, 1, 1]


def test_timeout_and_too_many_parts_are_tried_again_with_the_same_block_and_token(
    bench: Any, ticks: Any
) -> None:
    b = bench(None, TIMEOUT, TOO_MANY_PARTS, None, max_rows=2)
    b.sink.write(ticks(4))
    assert len(b.inserter.stored) == 2
    assert len(b.inserter.attempts) == 4
    assert len(set(b.inserter.attempts[1:])) == 1
    assert b.clock.pauses == [0.5, 1.0]
    assert [("trying again in 0.5 s" in b.said[0]), ("trying again in 1 s" in b.said[1])] == [True, True]
    assert "timed out" in b.said[0]
    assert b.sink.counts.inserted == 4


def test_token_depends_on_the_content_and_on_nothing_else(bench: Any, ticks: Any) -> None:
    first, second = bench(max_rows=2), bench(max_rows=2)
    for b in (first, second):
        b.sink.write(ticks(4))
    assert first.inserter.stored == second.inserter.stored
    tokens = [token for _, _, token in first.inserter.stored]
    assert len(set(tokens)) == 2


def test_after_the_deadline_it_says_what_was_not_written(bench: Any, ticks: Any) -> None:
    b = bench(*[AWAY] * 100, max_rows=5, deadline_s=10)
    with pytest.raises(
        SinkError, match=r"Connection refused; gave up after 10 s.*not written: 5 rows of raw_agent_ticks"
    ):
        b.sink.write(ticks(5))
    assert sum(b.clock.pauses) == 10
    assert max(b.clock.pauses) <= 8
    assert len(b.said) == len(b.clock.pauses)
    assert b.sink.counts.inserted == 0
    assert b.sink.counts.discarded == 5


def test_rows_given_in_the_same_call_behind_a_refused_batch_are_named_too(bench: Any, ticks: Any) -> None:
    b = bench(None, NO_SUCH_COLUMN, max_rows=2)
    with pytest.raises(SinkError, match="not written: 5 rows of raw_agent_ticks"):
        b.sink.write(ticks(7))
    assert (b.sink.counts.inserted, b.sink.counts.discarded) == (2, 5)


def test_error_that_repetition_cannot_cure_fails_at_once(bench: Any, ticks: Any) -> None:
    b = bench(NO_SUCH_COLUMN, max_rows=1)
    with pytest.raises(SinkError, match="No such column"):
        b.sink.write(ticks(1))
    assert (len(b.inserter.attempts), b.clock.pauses, b.said) == (1, [], [])


def test_deadline_counts_from_the_first_failure_of_each_insert(bench: Any, ticks: Any) -> None:
    b = bench(AWAY, AWAY, None, AWAY, AWAY, None, max_rows=1, deadline_s=2)
    b.sink.write(ticks(2))
    assert len(b.inserter.stored) == 2


def test_rows_are_neither_lost_nor_repeated_whatever_fails_in_between(bench: Any, ticks: Any) -> None:
    b = bench(TIMEOUT, None, TOO_MANY_PARTS, AWAY, None, None, TIMEOUT, max_rows=4)
    rows = ticks(25)
    for at in range(0, 25, 5):
        b.sink.write(rows[at : at + 5])
    b.sink.flush()
    lines = Counter(line for _, block, _ in b.inserter.stored for line in block.splitlines())
    assert len(lines) == 25
    assert set(lines.values()) == {1}

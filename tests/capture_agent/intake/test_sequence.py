"""Events that never arrived are counted from the gaps in their source's numbers."""

from __future__ import annotations

from capture_agent.intake.sequence import MAX_GAP, MAX_SOURCES, REPEATED, SequenceGaps


def lost(numbers: list[tuple[str, int]]) -> int:
    gaps = SequenceGaps()
    return sum(gaps.lost_before(source, number) for source, number in numbers)


def test_unbroken_numbers_of_interleaved_sources_lose_nothing() -> None:
    assert lost([("a", 5), ("b", 1), ("a", 6), ("b", 2), ("a", 7)]) == 0


def test_gap_counts_the_missing_numbers() -> None:
    assert lost([("a", 1), ("a", 2), ("a", 6), ("a", 7)]) == 3


def test_source_that_begins_anew_loses_nothing() -> None:
    assert lost([("a", 50_000), ("a", 0), ("a", 1)]) == 0


def test_repeated_and_late_numbers_are_told_apart_and_do_not_move_the_count() -> None:
    gaps = SequenceGaps()
    found = [gaps.lost_before("a", number) for number in (1, 2, 2, 1, 3)]
    assert found == [0, 0, REPEATED, REPEATED, 0]


def test_leap_that_no_source_can_make_is_a_new_count_and_not_a_loss() -> None:
    assert lost([("a", 1), ("a", MAX_GAP * 2), ("a", MAX_GAP * 2 + 1), ("a", 2), ("a", 3)]) == 0


def test_source_that_was_forgotten_begins_anew() -> None:
    many = [(str(source), 1) for source in range(MAX_SOURCES + 1)]
    assert lost([("first", 1), *many, ("first", 9)]) == 0

"""Events that were dropped while no agent listened are counted by the next run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from capture_agent.intake.event_lines import EventDecoder
from capture_agent.intake.kept_numbers import KeptNumbers
from capture_agent.intake.limited_report import LimitedReport
from capture_agent.intake.line_intake import LineIntake
from capture_agent.intake.normal_form import NormalForm
from capture_agent.intake.sequence import REPEATED, SequenceGaps


class Runs:
    """One agent after the other on the same file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.now_s = 0.0

    def start(self) -> LineIntake:
        return LineIntake(
            "test",
            EventDecoder(NormalForm()),
            LimitedReport(lambda _: None, lambda: self.now_s),
            lambda gaps: KeptNumbers(self._path, gaps, lambda: self.now_s),
        )


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "numbers")


Line = Callable[..., bytes]


def test_gap_between_a_run_and_the_next_is_counted(runs: Runs, event_line: Line) -> None:
    first = runs.start()
    for number in (1, 2, 3):
        first.take(event_line(source_id="c", source_seq=number))
    first.keep(first.position())
    second = runs.start()
    second.take(event_line(source_id="c", source_seq=8))
    assert (second.counts.events, second.counts.lost) == (1, 4)


def test_killed_run_counts_what_it_had_not_stored(runs: Runs, event_line: Line) -> None:
    first = runs.start()
    for number in range(1, 61):
        first.take(event_line(source_id="c", source_seq=number))
        if number == 40:
            stored = first.position()
    first.keep(stored)
    second = runs.start()
    second.take(event_line(source_id="c", source_seq=71))
    assert second.counts.lost == 30


def test_run_that_was_killed_before_anything_was_stored_counts_from_its_first_event(
    runs: Runs, event_line: Line
) -> None:
    first = runs.start()
    for number in range(501, 521):
        first.take(event_line(source_id="c", source_seq=number))
    second = runs.start()
    second.take(event_line(source_id="c", source_seq=531))
    assert second.counts.lost == 30


def test_losses_that_a_killed_run_had_no_time_to_tell_are_told_by_the_next(
    runs: Runs, event_line: Line
) -> None:
    def run_killed_after(seconds: int, number: int) -> int:
        run = runs.start()
        for _ in range(seconds):
            runs.now_s += 1
            number += 1
            run.take(event_line(source_id="c", source_seq=number))
            run.keep(run.position())
        return run.counts.lost

    run_killed_after(20, 0)
    assert run_killed_after(20, 100) == 80
    assert run_killed_after(300, 120) == 80
    assert run_killed_after(1, 420) == 0


def test_losses_of_a_run_that_ended_in_good_order_are_not_told_again(runs: Runs, event_line: Line) -> None:
    first = runs.start()
    for number in (1, 50):
        first.take(event_line(source_id="c", source_seq=number))
    first.close()
    first.keep(first.position())
    second = runs.start()
    second.take(event_line(source_id="c", source_seq=51))
    assert (first.counts.lost, second.counts.lost) == (48, 0)


def test_source_that_was_silent_for_a_whole_run_is_not_forgotten(runs: Runs, event_line: Line) -> None:
    for number in (5, None, 9):
        run = runs.start()
        if number is not None:
            run.take(event_line(source_id="c", source_seq=number))
        run.keep(run.position())
    assert run.counts.lost == 3


def test_source_that_begins_anew_after_the_agent_is_not_refused() -> None:
    gaps = SequenceGaps()
    gaps.resume({"c": 900})
    assert [gaps.lost_before("c", number) for number in (5, 6, 6)] == [0, 0, REPEATED]


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"[1]", b'{"numbers":{"c":"x"}}', b'{"numbers":{"c":1', b"\xff"]
)
def test_file_that_holds_no_numbers_is_as_none(
    runs: Runs, tmp_path: Path, event_line: Line, content: bytes
) -> None:
    (tmp_path / "numbers").write_bytes(content)
    run = runs.start()
    assert run.take(event_line(source_id="c", source_seq=50)) is not None
    assert run.counts.lost == 0


def test_numbers_that_cannot_be_kept_cost_no_event(tmp_path: Path, event_line: Line) -> None:
    runs = Runs(tmp_path / "no such folder" / "numbers")
    run = runs.start()
    for number in range(1, 40):
        runs.now_s += 0.1
        assert run.take(event_line(source_id="c", source_seq=number)) is not None
    run.keep(run.position())

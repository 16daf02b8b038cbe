"""Events that never reached an agent, or died inside one, are counted by the next run: all of them, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from capture_agent.intake.event_books import EventBooks
from capture_agent.intake.event_lines import EventDecoder
from capture_agent.intake.kept_numbers import MAX_NAME_BYTES, KeptNumbers
from capture_agent.intake.limited_report import LimitedReport
from capture_agent.intake.line_intake import LineIntake
from capture_agent.intake.normal_form import NormalForm
from capture_agent.intake.sequence import MAX_SOURCES, REPEATED, SequenceGaps

Line = Callable[..., bytes]


class Run:
    """One agent of several that follow each other on the same files; left alone, it was killed."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.books = EventBooks(folder / "books")
        self.intake = LineIntake(
            "test",
            EventDecoder(NormalForm()),
            LimitedReport(self.said.append, lambda: 0.0),
            lambda gaps: KeptNumbers(folder / "numbers", gaps),
        )
        self.intake.book(self.books)

    @property
    def lost(self) -> int:
        """What this run's ledger tells."""
        return self.books.lost_before + self.intake.counts.lost


@pytest.fixture
def start(tmp_path: Path) -> Callable[[], Run]:
    return lambda: Run(tmp_path)


def take(run: Run, line: Line, *numbers: int, source: str = "c") -> None:
    for number in numbers:
        assert run.intake.take(line(source_id=source, source_seq=number)) is not None


def test_gap_between_a_run_and_the_next_is_counted(start: Callable[[], Run], event_line: Line) -> None:
    first = start()
    take(first, event_line, 1, 2, 3)
    first.books.settle(3)
    second = start()
    take(second, event_line, 8)
    assert (second.intake.counts.events, second.lost) == (1, 4)


def test_killed_run_loses_what_it_had_made_no_rows_of(start: Callable[[], Run], event_line: Line) -> None:
    first = start()
    take(first, event_line, *range(1, 61))
    first.books.settle(40)
    second = start()
    take(second, event_line, 71)
    assert second.lost == 20 + 10


def test_losses_that_no_ledger_has_told_are_told_by_the_next_run_and_then_not_again(
    start: Callable[[], Run], event_line: Line
) -> None:
    first = start()
    take(first, event_line, 1, 81)
    first.books.settle(2)
    assert first.lost == 79
    second = start()
    take(second, event_line, 92)
    second.books.settle(1)
    assert second.lost == 79 + 10
    second.books.note_ticks(1, second.lost)
    second.books.note_ledger_flushed(1)
    third = start()
    take(third, event_line, 93)
    assert third.lost == 0


def test_ledger_in_memory_alone_has_told_nothing(start: Callable[[], Run], event_line: Line) -> None:
    first = start()
    take(first, event_line, 1, 11)
    first.books.settle(2)
    first.books.note_ticks(1, 0)
    first.books.note_ticks(1, 9)
    first.books.note_ledger_flushed(1)
    assert start().lost == 9


def test_source_that_was_silent_for_a_whole_run_is_not_forgotten(
    start: Callable[[], Run], event_line: Line
) -> None:
    for numbers in ((5,), (), (9,)):
        run = start()
        take(run, event_line, *numbers)
        run.books.settle(len(numbers))
    assert run.lost == 3


def test_numbers_outlive_kill_9(tmp_path: Path, event_line: Line) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from capture_agent.intake.kept_numbers import KeptNumbers
from capture_agent.intake.sequence import SequenceGaps
KeptNumbers(Path(sys.argv[1]) / "numbers", SequenceGaps()).note("c", 41)
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, env=os.environ)
    assert killed.returncode == -signal.SIGKILL
    run = Run(tmp_path)
    take(run, event_line, 43)
    assert run.lost == 2


def test_more_sources_than_are_remembered_push_out_the_oldest(tmp_path: Path) -> None:
    kept = KeptNumbers(tmp_path / "numbers", SequenceGaps())
    for number in range(MAX_SOURCES + 1):
        kept.note(f"child-{number}", 10)
    gaps = SequenceGaps()
    KeptNumbers(tmp_path / "numbers", gaps)
    assert gaps.expected() == {f"child-{number}": 10 for number in range(1, MAX_SOURCES + 1)}


def test_name_that_has_no_room_is_not_remembered(tmp_path: Path) -> None:
    kept = KeptNumbers(tmp_path / "numbers", SequenceGaps())
    kept.note("é" * MAX_NAME_BYTES, 3)
    kept.note("x" * MAX_NAME_BYTES, 4)
    gaps = SequenceGaps()
    KeptNumbers(tmp_path / "numbers", gaps)
    assert gaps.expected() == {"x" * MAX_NAME_BYTES: 4}


def test_source_that_begins_anew_after_the_agent_is_not_refused() -> None:
    gaps = SequenceGaps()
    gaps.resume({"c": 900})
    assert [gaps.lost_before("c", number) for number in (5, 6, 6)] == [0, 0, REPEATED]


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"[1]", b"ja4nums1\1", b"ja4nums1" + b"\xff" * 300, b"\xff"]
)
def test_files_that_hold_something_else_are_as_none(
    start: Callable[[], Run], tmp_path: Path, event_line: Line, content: bytes
) -> None:
    (tmp_path / "numbers").write_bytes(content)
    (tmp_path / "books").write_bytes(content)
    run = start()
    take(run, event_line, 50)
    assert run.lost == 0


def test_numbers_that_cannot_be_kept_cost_no_event(tmp_path: Path, event_line: Line) -> None:
    (tmp_path / "numbers").mkdir()
    run = Run(tmp_path)
    take(run, event_line, *range(1, 40))
    assert run.intake.counts.events == 39
    assert any("numbers cannot be kept" in sentence for sentence in run.said)

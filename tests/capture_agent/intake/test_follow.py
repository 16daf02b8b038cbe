"""Every line of a followed log once, whatever happens to the file."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture_agent.intake import followed_file
from capture_agent.intake.event_lines import EventDecoder
from capture_agent.intake.follow import QUIET_S, FollowSource
from capture_agent.intake.limited_report import LimitedReport
from capture_agent.intake.line_intake import LineIntake
from capture_agent.intake.live_intake import LiveIntake
from capture_agent.intake.normal_form import NormalForm


class Log:
    """A log file, what a server and logrotate do to it, and a follower of it."""

    def __init__(self, folder: Path, line_of: Callable[..., bytes]) -> None:
        self.path = folder / "access.log"
        self.state = folder / "state.json"
        self.said: list[str] = []
        self.now_s = 0.0
        self.found: list[int] = []
        self.written = 0
        self._line_of = line_of
        self._writer = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.source = self.start(from_start=True)

    def start(self, *, from_start: bool = False) -> FollowSource:
        """Start a follower; it takes the place of the former one."""
        intake = LineIntake(
            "log", EventDecoder(NormalForm()), LimitedReport(self.said.append, lambda: self.now_s)
        )
        self.source = FollowSource(self.path, self.state, intake, lambda: self.now_s, from_start=from_start)
        return self.source

    def write(self, lines: int = 1) -> None:
        for _ in range(lines):
            self.written += 1
            os.write(self._writer, self._line_of(status=self.written) + b"\n")

    def rename(self, *, reopen: bool = True) -> None:
        """logrotate's `create`: shift the older ones, rename, make a new file; the server reopens."""
        self._shift()
        self.path.rename(self._numbered(1))
        os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT))
        if reopen:
            self.reopen()

    def reopen(self) -> None:
        os.close(self._writer)
        self._writer = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def copy_and_truncate(self) -> None:
        """logrotate's `copytruncate`."""
        self._shift()
        shutil.copy2(self.path, self._numbered(1))
        os.truncate(self.path, 0)

    def poll(self, times: int = 1) -> None:
        for _ in range(times):
            self.found += [event.status for event in self.source.poll()]

    def keep(self) -> None:
        self.source.keep(self.source.position())

    def restart(self) -> None:
        """An orderly restart: all that was handed out is stored."""
        self.keep()
        self.source.close()
        self.start()

    def close(self) -> None:
        self.source.close()
        os.close(self._writer)

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"access.log.{number}")

    def _shift(self) -> None:
        for number in range(20, 0, -1):
            if self._numbered(number).exists():
                self._numbered(number).rename(self._numbered(number + 1))


@pytest.fixture
def log(tmp_path: Path, event_line: Callable[..., bytes]) -> Any:
    made = Log(tmp_path, event_line)
    yield made
    made.close()


def test_lines_are_read_as_they_come_and_once(log: Log) -> None:
    log.write(3)
    log.poll()
    assert log.found == [1, 2, 3]
    log.poll(3)
    log.write()
    log.poll()
    assert log.found == [1, 2, 3, 4]


def test_half_a_line_waits_for_its_end_also_across_a_restart(
    log: Log, event_line: Callable[..., bytes]
) -> None:
    line = event_line(status=7) + b"\n"
    with log.path.open("ab") as writer:
        writer.write(event_line(status=6) + b"\n" + line[:50])
    log.poll()
    assert log.found == [6]
    log.restart()
    log.poll()
    with log.path.open("ab") as writer:
        writer.write(line[50:])
    log.poll()
    assert log.found == [6, 7]
    assert log.source.counts.rejected == 0


def test_renamed_file_is_read_on_while_the_server_still_writes_to_it(log: Log) -> None:
    log.write(2)
    log.poll()
    log.rename(reopen=False)
    log.write(2)
    log.poll()
    log.now_s += QUIET_S - 1
    log.write()
    log.poll()
    log.reopen()
    log.write()
    log.poll()
    assert sorted(log.found) == [1, 2, 3, 4, 5, 6]


def test_rotated_file_is_let_go_after_a_quiet_time_with_its_last_line(
    log: Log, event_line: Callable[..., bytes]
) -> None:
    with log.path.open("ab") as writer:
        writer.write(event_line(status=9))
    log.poll()
    log.rename()
    log.poll()
    assert log.found == []
    log.now_s += QUIET_S
    log.poll()
    assert log.found == [9]
    descriptors = Path("/proc/self/fd")
    assert not [one for one in descriptors.iterdir() if one.exists() and "access.log.1" in os.readlink(one)]


def test_truncated_file_is_read_from_its_new_beginning(log: Log) -> None:
    log.write(5)
    log.poll()
    os.truncate(log.path, 0)
    log.write(2)
    log.poll()
    assert log.found == [1, 2, 3, 4, 5, 6, 7]


def test_file_that_grew_past_its_old_size_after_truncation_is_noticed(log: Log) -> None:
    log.write(2)
    log.poll()
    os.truncate(log.path, 0)
    log.write(6)
    log.poll()
    assert log.found == [1, 2, 3, 4, 5, 6, 7, 8]


def test_lines_not_read_before_copytruncate_come_from_the_copy(log: Log) -> None:
    log.write(2)
    log.poll()
    log.write(3)
    log.copy_and_truncate()
    log.write(1)
    log.poll(2)
    assert sorted(log.found) == [1, 2, 3, 4, 5, 6]


def test_hole_left_by_a_writer_without_append_mode_hides_nothing(
    log: Log, event_line: Callable[..., bytes]
) -> None:
    line = event_line(status=1) + b"\n"
    with log.path.open("wb", buffering=0) as writer:
        writer.write(line * 3)
        log.poll()
        os.truncate(log.path, 0)
        writer.write(event_line(status=2) + b"\n")
    assert log.path.read_bytes()[:1] == b"\0"
    log.poll(2)
    assert log.found == [1, 1, 1, 2]
    assert log.source.counts.rejected == 0


def test_restart_after_rotations_reads_every_file_that_came_meanwhile(log: Log) -> None:
    log.write(2)
    log.poll()
    log.keep()
    log.source.close()
    for _ in range(3):
        log.write(2)
        log.rename()
    log.write(1)
    log.start()
    log.poll(2)
    assert sorted(log.found) == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_restart_after_copytruncate_reads_the_rest_of_the_copy(log: Log) -> None:
    log.write(2)
    log.poll()
    log.keep()
    log.source.close()
    log.write(2)
    log.copy_and_truncate()
    log.write(1)
    log.start()
    log.poll(2)
    assert sorted(log.found) == [1, 2, 3, 4, 5]


def test_crash_repeats_lines_whose_rows_were_not_stored_and_loses_none(log: Log) -> None:
    log.write(2)
    log.poll()
    log.keep()
    log.write(2)
    log.poll()
    log.source.close()
    log.start()
    log.poll()
    assert log.found == [1, 2, 3, 4, 3, 4]


def test_first_start_passes_over_what_is_there_and_keeps_that(tmp_path: Path, event_line: Any) -> None:
    log = Log(tmp_path, event_line)
    log.state.unlink()
    log.source.close()
    log.write(3)
    log.start(from_start=False)
    log.poll()
    assert log.found == []
    log.source.close()
    log.write(2)
    log.start()
    log.poll()
    assert log.found == [4, 5]
    log.close()


def test_lost_remainder_of_a_deleted_file_is_told(log: Log) -> None:
    log.write(2)
    log.poll()
    log.keep()
    log.source.close()
    log.path.unlink()
    log.reopen()
    log.write()
    log.start()
    log.poll()
    assert log.found == [1, 2, 3]
    assert "is gone; its rest is lost" in log.said[0]


def test_damaged_state_is_told_and_the_file_read_from_its_beginning(log: Log) -> None:
    log.write(2)
    log.source.close()
    log.state.write_bytes(b"\0\0\0")
    log.start()
    log.poll()
    assert log.found == [1, 2]
    assert "is read from its beginning" in log.said[0]


def test_long_line_is_rejected_and_not_held(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_file, "READ_BYTES", 1 << 16)
    with log.path.open("ab") as writer:
        writer.write(b"x" * (3 << 20) + b"\n")
    log.write()
    log.poll(60)
    assert log.found == [1]
    assert log.source.counts.rejected == 1


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: os.mkfifo(path)])
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, event_line: Any, make: Any) -> None:
    log = Log(tmp_path, event_line)
    log.path.unlink()
    make(log.path)
    log.poll()
    assert "is no regular file" in log.said[0] or "Is a directory" in log.said[0]
    log.close()


def test_file_that_does_not_exist_yet_is_read_from_its_beginning(tmp_path: Path, event_line: Any) -> None:
    log = Log(tmp_path, event_line)
    log.source.close()
    log.path.unlink()
    log.state.unlink()
    log.start(from_start=False)
    log.poll()
    log.reopen()
    log.write(2)
    log.poll()
    assert log.found == [1, 2]
    log.close()


def test_position_is_kept_once_its_rows_are_stored(log: Log) -> None:
    live = LiveIntake("logs", [log.source], [log.source])
    before = log.state.read_bytes()
    log.write(2)
    events = iter(live)
    next(events)
    next(events)
    live.note_stored(1e12)
    assert log.state.read_bytes() == before, "the round is not over: its last event may still be on its way"
    log.write(1)
    next(events)
    live.note_stored(1e12)
    kept = log.state.read_bytes()
    assert kept != before
    live.close()
    events.close()
    log.start()
    log.poll()
    assert log.found == [3]


OPERATIONS = ("write", "poll", "rename", "late_rename", "copy_and_truncate", "restart", "away_and_rename")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(OPERATIONS), max_size=25))
def test_every_line_once_whatever_the_order_of_events(event_line: Any, operations: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Log(Path(folder), event_line)
        for operation in operations:
            if operation == "late_rename":
                log.poll()
                log.rename(reopen=False)
                log.write()
                log.poll()
                log.reopen()
            elif operation == "away_and_rename":
                log.keep()
                log.source.close()
                log.write()
                log.rename()
                log.write()
                log.start()
            else:
                # A log is not rotated twice in a tenth of a second, nor emptied right after its first line.
                if operation in ("rename", "copy_and_truncate"):
                    log.write()
                    log.poll()
                    log.write()
                getattr(log, operation)()
        log.poll(20)
        log.close()
        assert sorted(log.found) == list(range(1, log.written + 1))
        assert log.source.counts.rejected == 0

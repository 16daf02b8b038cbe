"""Follows a log file across rotation, truncation and restarts: every line once.

Rotated away (`create`): the file is read on until it has been quiet for a while, because a server writes to
it until it reopens its log, and the new file beside it. Truncated (`copytruncate`): what was not read yet is
read from the copy, which begins as the file did. Positions are kept once the rows of all lines before them
are stored; a restart goes on there, also in a file that was renamed meanwhile, and reads those that came and
went while the agent was away. Compressed files are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from capture_agent.events import HttpEvent
from capture_agent.intake.event_lines import MAX_LINE_BYTES
from capture_agent.intake.follow_state import (
    FilePosition,
    Positions,
    encode_positions,
    keep_positions,
    load_positions,
)
from capture_agent.intake.followed_file import FollowedFile, has_head
from capture_agent.intake.line_intake import IntakeCounts, LineIntake

QUIET_S = 10.0
"""A rotated file that did not grow for this long is let go. Servers reopen their log within seconds of the
rename; shorter, and a slow reload loses lines, longer only keeps a file open."""
MAX_ROTATED = 8
"""Files read at once beside the newest: rotation every few seconds would otherwise hold any number open."""
ROTATED_SUFFIX = re.compile(r"[.-][0-9][0-9T:_.-]*\Z")
"""What rotation puts behind a name: `.1`, `-20261122`."""
MAX_SIBLINGS = 1_000
"""Files beside the path that are looked at for one that was renamed."""


class FollowSource:
    """A followed path; satisfies `live_intake.ResumableSource`."""

    def __init__(
        self,
        path: Path,
        state_path: Path,
        intake: LineIntake,
        clock: Callable[[], float],
        *,
        from_start: bool,
    ) -> None:
        """`from_start`: read a file from its beginning that is there at the very first start.

        `clock` gives monotonic seconds. Raises OSError if the state cannot be read.
        """
        self._path = path
        self._state_path = state_path
        self._intake = intake
        self._clock = clock
        self._rotated: list[FollowedFile] = []
        self._current: FollowedFile | None = None
        self._resume(from_start=from_start)

    @property
    def counts(self) -> IntakeCounts:
        """What became of the lines so far."""
        return self._intake.counts

    def fileno(self) -> None:
        """A file is polled: it has no descriptor that tells when it grows."""
        return

    def poll(self) -> list[HttpEvent]:
        """Events of new whole lines, of each file one read's worth."""
        self._notice_rotation()
        if self._current is not None and self._current.was_replaced():
            self._notice_truncation(self._current)
        events: list[HttpEvent] = []
        for file in list(self._rotated):
            lines = file.read()
            self._take(lines, events)
            if lines or file.quiet_since_s is None:
                file.quiet_since_s = self._clock()
            elif self._clock() - file.quiet_since_s >= QUIET_S:
                self._let_go(file, events)
        if self._current is not None:
            self._take(self._current.read(), events)
        return events

    def position(self) -> bytes:
        """Where each open file stands."""
        files = [*self._rotated, *([] if self._current is None else [self._current])]
        return encode_positions(Positions(tuple(file.position() for file in files)))

    def keep(self, position: bytes) -> None:
        """Store positions; a failure is told, and costs repeated rows after a restart, no loss."""
        try:
            keep_positions(self._state_path, position)
        except OSError as error:
            self._intake.report("position not kept", f"{self._state_path}: {error.strerror}")

    def close(self) -> None:
        """Close the files, without storing where they stand."""
        for file in [*self._rotated, *([] if self._current is None else [self._current])]:
            file.close()
        self._rotated, self._current = [], None

    def _resume(self, *, from_start: bool) -> None:
        try:
            kept = load_positions(self._state_path)
        except ValueError as error:
            self._intake.report("position unreadable", f"{error}; {self._path} is read from its beginning")
            kept = Positions(())
        if kept is None:
            self._current = self._open(self._path)
            if self._current is not None and not from_start:
                self._current.skip_to_last_line()
            # Kept now: what is written between this start and the next one is wanted whatever happens.
            self.keep(self.position())
            return
        away: list[Path] = []
        for position in kept.files:
            found = self._find(position)
            if found is None:
                if position.offset or position.head:
                    message = (
                        f"{self._path}: a file read up to byte {position.offset} is gone; its rest is lost"
                    )
                    self._intake.report("file gone", message)
                continue
            file = self._open(found, position.offset)
            if file is not None and self._is_at_path(file):
                self._current = file
            elif file is not None:
                self._rotated.append(file)
                away.append(found)
        if away:
            self._open_newer_than(away)

    def _open_newer_than(self, away: list[Path]) -> None:
        """Files that were made and rotated while nobody read, beginning with the oldest."""
        siblings = self._siblings()
        known = {file.identity for file in self._rotated}
        newest = min((siblings.index(path) for path in away if path in siblings), default=0)
        newer = [path for path in siblings[:newest] if _identity(path) not in known]
        for path in reversed(newer[:MAX_ROTATED]):
            file = self._open(path)
            if file is not None:
                self._rotated.append(file)

    def _find(self, position: FilePosition) -> Path | None:
        """The file of a position under its present name: by inode, else the copy that begins alike."""
        if _identity(self._path) == (position.device, position.inode) and has_head(self._path, position):
            return self._path
        alike = [sibling for sibling in self._siblings() if has_head(sibling, position)]
        for sibling in alike:
            if _identity(sibling) == (position.device, position.inode):
                return sibling
        return alike[0] if alike and position.head else None

    def _siblings(self) -> list[Path]:
        """Files that rotation made of the path; newest first."""
        name = self._path.name
        try:
            found = [
                (entry.stat().st_mtime_ns, _turn(entry.name[len(name) :]), entry)
                for entry in self._path.parent.iterdir()
                if entry.name.startswith(name) and ROTATED_SUFFIX.match(entry.name[len(name) :])
            ]
        except OSError:
            return []
        return [entry for *_, entry in sorted(found, reverse=True)[:MAX_SIBLINGS]]

    def _notice_rotation(self) -> None:
        if self._current is not None and self._is_at_path(self._current):
            return
        fresh = self._open(self._path)
        if fresh is None:
            return
        if self._current is not None:
            self._rotated.append(self._current)
            if len(self._rotated) > MAX_ROTATED:
                self._intake.report(
                    "rotated too fast", f"{self._path}: more than {MAX_ROTATED} files at once"
                )
                self._rotated.pop(0).close()
        self._current = fresh

    def _notice_truncation(self, file: FollowedFile) -> None:
        position = file.position()
        copies = [sibling for sibling in self._siblings() if position.head and has_head(sibling, position)]
        copy = self._open(copies[0], position.offset) if copies else None
        if copy is not None:
            self._rotated.append(copy)
        file.start_over()

    def _let_go(self, file: FollowedFile, events: list[HttpEvent]) -> None:
        rest = file.take_rest()
        if rest:
            self._take([rest], events)
        self._rotated.remove(file)
        file.close()

    def _take(self, lines: list[bytes | None], events: list[HttpEvent]) -> None:
        for line in lines:
            event = self._intake.take(line)
            if event is not None:
                events.append(event)

    def _open(self, path: Path, offset: int = 0) -> FollowedFile | None:
        try:
            return FollowedFile(path, MAX_LINE_BYTES, offset)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._intake.report("file not opened", f"{path}: {error}")
            return None

    def _is_at_path(self, file: FollowedFile) -> bool:
        return _identity(self._path) == file.identity


def _turn(suffix: str) -> int:
    """Order among files of one time, which the kernel takes from a slow clock: `.2` is older than `.1`."""
    number = int("".join(char for char in suffix if char.isdecimal()))
    return -number if suffix.startswith(".") else number


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino

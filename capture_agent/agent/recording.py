"""A recording: capture files and files of HTTP events, opened together and read once or twice."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

from capture_agent.agent.problems import Problems
from capture_agent.agent.reading import shortcomings
from capture_agent.agent.replaying import ended_us, in_order_of_end
from capture_agent.capture.errors import CaptureFileError
from capture_agent.capture.files import CaptureFile
from capture_agent.events import HttpEvent
from capture_agent.intake.event_lines import BadLine, LineDecoder, read_events
from capture_agent.pipeline import Pipeline
from capture_agent.rows.stored import LAST_US
from capture_agent.wire.frame import Frame

IDENTITY_BYTES = 1 << 16
"""How much of each file the run's identity is made of; enough to tell recordings apart, and quick."""


class UnusableRecording(Exception):  # noqa: N818 - named for the recording that it refuses
    """A file of the recording cannot be opened; the text names it and says why."""


class Recording:
    """The files of one replay, all of them opened once at the start, so that a wrong name costs nothing."""

    def __init__(
        self,
        captures: Sequence[Path],
        event_files: Sequence[Path],
        decoder: LineDecoder,
        problems: Problems,
    ) -> None:
        self._captures = captures
        self._event_files = event_files
        self._decoder = decoder
        self._problems = problems
        for path in captures:
            try:
                CaptureFile(path).close()
            except CaptureFileError as error:
                raise UnusableRecording(str(error)) from error
        for path in event_files:
            try:
                path.open("rb").close()
            except OSError as error:
                raise UnusableRecording(f"{path}: {error.strerror}") from error

    def packet_sources(self) -> list[Iterator[Frame]]:
        """One source per capture; damage is reported when it is met, and ends that source only."""
        return [self._frames(path) for path in self._captures]

    def requests(self, pipeline: Pipeline) -> Iterator[HttpEvent]:
        """Events of all files by the time their request ended.

        Bad lines are reported and skipped; they and gaps in the sources' numbers are booked with `pipeline`.
        """

        def on_bad_line(bad: BadLine) -> None:
            self._problems.report_of(bad.path, str(bad))
            pipeline.note_rejected()

        def events_of(path: Path) -> Iterator[HttpEvent]:
            return read_events(path, self._decoder, on_bad_line, pipeline.note_lost)

        return heapq.merge(*[in_order_of_end(events_of(path)) for path in self._event_files], key=ended_us)

    def last_time_us(self) -> int | None:
        """Latest time in the recording, which is read to its end for that; None if it holds nothing."""
        last_us = -1
        for path in self._captures:
            with CaptureFile(path) as capture:
                try:
                    for frame in capture:
                        if last_us < frame.ts_us < LAST_US:
                            last_us = frame.ts_us
                except CaptureFileError:
                    # Reported by the pass that writes rows, which meets the same damage.
                    continue
        for path in self._event_files:
            for event in read_events(path, self._decoder, _ignore):
                last_us = max(last_us, ended_us(event))
        return None if last_us < 0 else last_us

    def identity(self, sensor: str, shift_us: int) -> int:
        """64-bit id of a replay: the same files under the same sensor name and times give the same."""
        digest = blake2b(f"{sensor}\0{shift_us}".encode(), digest_size=8)
        for path in (*self._captures, *self._event_files):
            with path.open("rb") as file:
                digest.update(f"\0{path.stat().st_size}\0".encode() + file.read(IDENTITY_BYTES))
        return int.from_bytes(digest.digest(), "big")

    def _frames(self, path: Path) -> Iterator[Frame]:
        with CaptureFile(path) as capture:
            try:
                yield from capture
            except CaptureFileError as error:
                self._problems.report(str(error))
            for message in shortcomings(capture):
                self._problems.report(message)


def _ignore(_: BadLine) -> None:
    """Leave the report of a bad line to the pass that writes rows."""

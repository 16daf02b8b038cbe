"""Turns the lines of one live source into events, and books those that are none, came twice or never came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from capture_agent.events import HttpEvent
from capture_agent.intake.event_books import EventBooks
from capture_agent.intake.event_lines import REFUSALS, LineDecoder, OtherEvent
from capture_agent.intake.kept_numbers import KeptNumbers
from capture_agent.intake.limited_report import LimitedReport
from capture_agent.intake.sequence import REPEATED, SequenceGaps


@dataclass(slots=True)
class IntakeCounts:
    """What became of the lines of a live source, since it was opened; each number only grows."""

    events: int = 0
    """Events handed out."""
    rejected: int = 0
    """Lines that hold no event, or one that came before, and were skipped."""
    lost: int = 0
    """Events that never arrived, from gaps in their source's numbers; not among the other two."""


class LineIntake:
    """Shared by the transports; one for each source, since numbers and messages belong to it."""

    def __init__(
        self,
        name: str,
        decoder: LineDecoder,
        report: LimitedReport,
        kept: Callable[[SequenceGaps], KeptNumbers] | None = None,
    ) -> None:
        """`name` stands in front of messages.

        `kept` opens what remembers numbers across runs, when the first of them comes; it raises OSError.
        """
        self.counts = IntakeCounts()
        self.report = report
        self._name = name
        self._decoder = decoder
        self._gaps = SequenceGaps()
        self._open_kept = kept
        self._kept: KeptNumbers | None = None
        self._books: EventBooks | None = None

    def book(self, books: EventBooks) -> None:
        """Count in books that outlive a kill, too; to be called before the first line."""
        self._books = books

    def use(self, decoder: LineDecoder) -> None:
        """Read the next line with another decoder; any thread may ask."""
        self._decoder = decoder

    def take(self, line: bytes | None, sender: str = "") -> HttpEvent | None:
        """The event of a line; None for one without, which is booked unless it is blank.

        The line None stands for one that was too long to be held.
        """
        if line is None:
            self.reject("line too long", "a line is too long", sender)
            return None
        if not line or line.isspace():
            return None
        try:
            found = self._decoder.decode(line)
        except REFUSALS as error:
            self.reject("unreadable line", str(error), sender)
            # Its number, if it has one, is not missing: it is booked as rejected and not as lost too.
            numbered = self._decoder.maybe_number(line)
            if numbered is not None:
                self._is_repeated(*numbered, is_event=False)
            return None
        source_id, number = found.source_id, found.source_seq
        is_event = not isinstance(found, OtherEvent)
        if source_id is None or number is None:
            self._take_in(is_event)
        elif self._is_repeated(source_id, number, is_event=is_event):
            self.reject("repeated number", f"number {number} of {source_id!r} came before", sender)
            return None
        if isinstance(found, OtherEvent):
            self._tell_drops(found)
            return None
        return found

    def reject(self, kind: str, reason: str, sender: str = "") -> None:
        """Book a line that holds no usable event."""
        self.counts.rejected += 1
        self.report(kind, f"{self._name}: {sender}{': ' if sender else ''}{reason}")

    def close(self) -> None:
        """Nothing more comes."""
        if self._kept is not None:
            self._kept.close()

    def _is_repeated(self, source_id: str, number: int, *, is_event: bool) -> bool:
        """Book a number: what is missing before it, then what it stands for, then that it has come.

        A kill in between leaves the number to come, so that the next run counts it as lost, not as nothing.
        """
        kept = self._maybe_kept()
        lost = self._gaps.lost_before(source_id, number)
        if lost == REPEATED:
            return True
        if lost:
            self.counts.lost += lost
            if self._books is not None:
                self._books.lose(lost)
            self.report(
                "lost events", f"{self._name}: {lost} events of {source_id!r} before {number} are lost"
            )
        self._take_in(is_event)
        if kept is not None:
            kept.note(source_id, number + 1)
        return False

    def _take_in(self, is_event: bool) -> None:
        if is_event:
            self.counts.events += 1
            if self._books is not None:
                self._books.take()

    def _maybe_kept(self) -> KeptNumbers | None:
        if self._kept is None and self._open_kept is not None:
            open_kept, self._open_kept = self._open_kept, None
            try:
                self._kept = open_kept(self._gaps)
            except OSError as error:
                self.report("numbers not kept", f"{self._name}: numbers cannot be kept: {error.strerror}")
        return self._kept

    def _tell_drops(self, event: OtherEvent) -> None:
        if event.dropped_full or event.dropped_long:
            self.report(
                "events dropped at the source",
                f"{self._name}: {event.source_id!r} has dropped {event.dropped_full or 0} events because its "
                f"buffer was full and {event.dropped_long or 0} because they were too long",
            )

"""The agent's seams to the world: where frames and requests come from, where rows go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from capture_agent.events import HttpEvent
from capture_agent.rows import Row
from capture_agent.wire.frame import Frame


class PacketSource(Protocol):
    """A capture: frames in the order of their time."""

    def __iter__(self) -> Iterator[Frame]:
        """Frames until the capture ends; raises what the source documents when it cannot be read."""


class RequestSource(Protocol):
    """HTTP events in normal form, in about the order in which the requests ended."""

    def __iter__(self) -> Iterator[HttpEvent]:
        """Events until the source ends; events that cannot be read are reported aside and skipped."""


@dataclass(slots=True)
class RowCounts:
    """What became of the rows a sink was given, since it was opened."""

    inserted: int = 0
    discarded: int = 0


class SinkError(Exception):
    """A sink could not write; the text says what was not written and what can be done."""


class EventSink(Protocol):
    """Where rows go. `write` may keep rows in a batch; after `flush` every row has been written."""

    counts: RowCounts

    def write(self, rows: Sequence[Row]) -> None:
        """Take rows in; raises SinkError."""

    def flush(self) -> None:
        """Write what is held back; raises SinkError."""

    def close(self) -> None:
        """Release what the sink holds, without writing."""

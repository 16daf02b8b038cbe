"""The agent's seams to the world: where frames and requests come from, where rows go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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


class LivePacketSource(Protocol):
    """A capture that goes on until it is closed. One thread reads; any may ask for drops."""

    @property
    def name(self) -> str:
        """What the operator calls it: the interface."""

    def read(self, timeout_s: float) -> Iterable[Frame]:
        """The next frames; nothing if none came in time. Raises OSError when the source fails."""

    def delivered_until_us(self) -> int:
        """Time before which `read` has returned every frame, once it returned nothing."""

    def take_drops(self) -> int:
        """Frames that the kernel gave up since the last call."""

    def fill_ratio(self) -> float:
        """Share of the source's own buffer that waits to be read, from 0 to 1; 0 where it is unknown."""

    def close(self) -> None:
        """Release the source; nothing may be reading."""


class LiveRequestSource(Protocol):
    """HTTP events in normal form as web servers report them, until it is closed. One thread iterates."""

    @property
    def name(self) -> str:
        """What the operator calls it: a path, an address."""

    @property
    def rejected(self) -> int:
        """Events since the start that could not be read and were skipped."""

    @property
    def lost(self) -> int:
        """Events since the start that gaps in the sources' numbers show to be missing."""

    def __iter__(self) -> Iterator[HttpEvent]:
        """Events as they arrive; waits while there are none, and ends soon after `close`."""

    def close(self) -> None:
        """End the iteration; called from another thread, more than once if need be."""


class ResumableRequestSource(LiveRequestSource, Protocol):
    """A live source that goes on after a restart where it stopped: it must know what was stored for good."""

    def note_stored(self, handed_out_before_s: float) -> None:
        """Rows of all events handed out before this time (`time.monotonic`) are stored; called by any thread.

        Never called: a restart hands out again what was handed out since the last call, and the tables'
        keys replace the rows.
        """


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

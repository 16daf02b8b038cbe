"""The agent's seams to the world: where frames and requests come from, where rows go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from capture_agent.events import HttpEvent
from capture_agent.rows import Row
from capture_agent.selection import Selection
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

    def select(self, selection: Selection) -> bool:
        """Replace what is captured, from the next frame on; any thread may ask for it.

        False if ports alone are selected here, and the lists are left to the caller. Raises OSError.
        """

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


class DiscardReason(StrEnum):
    """Why rows were given up."""

    QUEUE_FULL = "queue_full"
    """More waited in memory than may."""
    REFUSED = "refused"
    """The sink failed in a way that cannot be repeated, and has no spool."""
    SPOOL_FULL = "spool_full"
    """The oldest of the spool made room for newer ones."""
    SPOOL_OLD = "spool_old"
    """They waited in the spool longer than they may."""
    DISK = "disk"
    """The spool could not be written: the disk is full or broken."""
    DAMAGED = "damaged"
    """Their file in the spool is not what was written."""
    KILLED = "killed"
    """The agent's run before this one was killed before it had flushed them."""
    STOPPED = "stopped"
    """The agent was stopped, and there is no spool to keep them."""


@dataclass(slots=True)
class RowCounts:
    """What became of the rows a sink was given, since it was opened.

    The books of a sink balance: the rows it was given, those in the spool at its start and those of the
    reason `killed` equal `inserted + rejected + discarded` and what waits, in memory or in the spool.
    """

    inserted: int = 0
    """Stored for good."""
    spooled: int = 0
    """Written to the spool."""
    drained: int = 0
    """Of `inserted`, the rows that came out of the spool."""
    rejected: int = 0
    """Refused by the database for what they hold, and set aside."""
    discards: Counter[DiscardReason] = field(default_factory=Counter)

    @property
    def discarded(self) -> int:
        """Given up, for whatever reason."""
        return self.discards.total()

    def add(self, other: RowCounts) -> None:
        """Count what another sink counted as well."""
        self.inserted += other.inserted
        self.spooled += other.spooled
        self.drained += other.drained
        self.rejected += other.rejected
        self.discards.update(other.discards)


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


@dataclass(frozen=True, slots=True)
class SpoolDepth:
    """What of a sink waits on disk."""

    batches: int = 0
    rows: int = 0
    file_bytes: int = 0
    oldest_us: int | None = None
    """When the oldest batch was cut, microseconds since the epoch; None if there is none."""


class LiveSink(EventSink, Protocol):
    """A sink of an agent that runs on and on. One thread calls it; any may ask what the first three tell."""

    @property
    def failure(self) -> str | None:
        """Why the sink cannot be used as it is set up; None while it can, or may later."""

    def held_rows(self) -> int:
        """Rows that memory alone holds."""

    def depth(self) -> SpoolDepth:
        """What waits on disk."""

    def tend(self) -> None:
        """Do what time makes due; called about every second. Raises SinkError."""

    def ticket(self) -> int:
        """Stands for everything that was flushed until now."""

    def is_safe(self, ticket: int) -> bool:
        """Whether that is stored, or on disk, or counted as given up."""

    def finish(self, within_s: float) -> None:
        """Flush, and bring what memory holds to where it outlives the process."""

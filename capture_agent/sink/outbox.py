"""Batches that were cut and are not stored yet, in order: in memory while all is well, else on disk.

A batch goes to disk as soon as one insert has failed, when others wait on disk before it, or when nothing was
heard of it for `hold_s`, a database that hangs being no better than one that is away. So what a killed agent
loses is what it received within the age of a batch and that time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from capture_agent.ports import DiscardReason, RowCounts, SpoolDepth
from capture_agent.sink.batch import Batch
from capture_agent.sink.spool_format import Foreign
from capture_agent.sink.spool_store import Stored

US_PER_S = 1_000_000


class Spool(Protocol):
    """The disk, as far as the outbox needs it; `spool_store.SpoolFolder` is one."""

    def recover(self) -> tuple[list[Stored], int]:
        """Batches of earlier runs, oldest first, and the rows of those found damaged."""

    def write(self, sequence: int, batch: Batch, cut_us: int) -> Stored:
        """Store a batch for good. Raises OSError."""

    def read(self, stored: Stored) -> Batch:
        """Read a batch. Raises OSError, Foreign."""

    def remove(self, stored: Stored) -> None:
        """Forget a batch. Raises OSError."""

    def reject(self, sequence: int, batch: Batch, cut_us: int, reason: str) -> None:
        """Set a batch aside that is not to be tried again. Raises OSError."""

    def set_aside_damaged(self, stored: Stored, reason: str) -> None:
        """Set a file aside that no longer holds its batch."""


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """How much may wait, and where."""

    memory_bytes: int = 32 << 20
    """Compressed batches that only memory holds: without a spool, or while its disk is full."""
    spool_bytes: int = 1 << 30
    spool_age_us: int = 72 * 3_600 * US_PER_S
    hold_us: int = 2 * US_PER_S
    """How long a batch may be in memory alone after it was cut."""


@dataclass(slots=True)
class Waiting:
    """One batch that waits."""

    sequence: int
    table: str
    rows: int
    cut_us: int
    batch: Batch | None
    """None: on disk alone."""
    stored: Stored | None = None
    is_in_hand: bool = False
    failures: int = 0
    """Attempts that the database answered with an error."""
    not_before_s: float = 0.0
    """Passed over until then, so that it does not keep others waiting."""


class Outbox:
    """Takes batches from one thread and hands them to another, oldest first."""

    def __init__(
        self,
        spool: Spool | None,
        limits: OutboxLimits,
        counts: RowCounts,
        wall_us: Callable[[], int],
        report: Callable[[str, str], None],
        note_flushed: Callable[[str, int], None] = lambda _table, _rows: None,
    ) -> None:
        """`spool` None: memory is all there is. What earlier runs left in the spool comes first.

        `report` is given the kind of a problem, a constant, and a sentence; `note_flushed` the
        table of a batch that is no longer in memory alone, and its rows.
        """
        self.counts = counts
        self._spool = spool
        self._limits = limits
        self._wall_us = wall_us
        self._report = report
        self._note_flushed = note_flushed
        self._lock = threading.RLock()
        self._waiting: dict[int, Waiting] = {}
        self._is_failing = False
        self._on_disk = 0
        self._disk_bytes = 0
        self._memory_bytes = 0
        self._next = 0
        if spool is not None:
            found, damaged_rows = spool.recover()
            if damaged_rows:
                counts.discards[DiscardReason.DAMAGED] += damaged_rows
            for stored in found:
                self._enter(Waiting(stored.sequence, stored.table, stored.rows, stored.cut_us, None, stored))
            self._next = max((stored.sequence + 1 for stored in found), default=0)

    @property
    def outlives_the_process(self) -> bool:
        """Whether there is a spool."""
        return self._spool is not None

    def put(self, batch: Batch) -> int:
        """Take a batch in; its number, for `is_safe`."""
        with self._lock:
            number, self._next = self._next, self._next + 1
            waiting = Waiting(number, batch.table, batch.rows, self._wall_us(), batch)
            self._enter(waiting)
            if self._is_failing or self._on_disk:
                self._spool_one(waiting)
            self._keep_limits()
            return number

    def maybe_take(self, now_s: float) -> Waiting | None:
        """The oldest batch whose turn it is, with its content, to be settled by one of the next three."""
        with self._lock:
            for waiting in list(self._waiting.values()):
                if waiting.is_in_hand or waiting.not_before_s > now_s:
                    continue
                if waiting.batch is None and not self._load(waiting):
                    continue
                waiting.is_in_hand = True
                return waiting
            return None

    def settle_stored(self, taken: Waiting) -> None:
        """The database has it."""
        with self._lock:
            self._is_failing = False
            if taken.sequence not in self._waiting:
                return
            self.counts.inserted += taken.rows
            if taken.stored is not None:
                self.counts.drained += taken.rows
            self._leave(taken)

    def settle_failed(self, taken: Waiting, *, passed_over_until_s: float = 0.0) -> None:
        """It was not stored, or nobody knows: bring it and all else that only memory holds to disk."""
        with self._lock:
            self._is_failing = True
            if taken.sequence not in self._waiting:
                return
            taken.is_in_hand = False
            taken.not_before_s = passed_over_until_s
            self._spool_all()
            if taken.stored is not None and taken.batch is not None:
                self._forget_content(taken)
            self._keep_limits()

    def settle_rejected(self, taken: Waiting, reason: str) -> None:
        """The database refuses it for what it holds: set it aside."""
        with self._lock:
            if taken.sequence not in self._waiting:
                return
            self.counts.rejected += taken.rows
            if self._spool is not None and taken.batch is not None:
                try:
                    self._spool.reject(taken.sequence, taken.batch, taken.cut_us, reason)
                except OSError as error:
                    self._report("not kept", f"spool: a rejected batch cannot be kept: {error.strerror}")
            self._leave(taken)

    def keep_up(self) -> None:
        """Bring to disk what has waited in memory for too long, and drop what is too old."""
        with self._lock:
            late_us = self._wall_us() - self._limits.hold_us
            for waiting in list(self._waiting.values()):
                # A clock that was set back must not keep a batch in memory for an hour.
                is_late = waiting.cut_us <= late_us or waiting.cut_us > late_us + 2 * self._limits.hold_us
                if is_late and not self._spool_one(waiting):
                    break
            self._keep_limits()

    def is_safe(self, number: int) -> bool:
        """Whether the batch of this number and all before it are stored, on disk, or counted as lost."""
        with self._lock:
            return all(
                waiting.stored is not None or waiting.sequence > number for waiting in self._waiting.values()
            )

    def waiting_rows(self) -> int:
        """Rows that memory alone holds."""
        with self._lock:
            return sum(waiting.rows for waiting in self._waiting.values() if waiting.stored is None)

    def depth(self) -> SpoolDepth:
        """What waits on disk."""
        with self._lock:
            on_disk = [waiting for waiting in self._waiting.values() if waiting.stored is not None]
            oldest_us = min((waiting.cut_us for waiting in on_disk), default=None)
            return SpoolDepth(
                len(on_disk), sum(waiting.rows for waiting in on_disk), self._disk_bytes, oldest_us
            )

    def end(self) -> None:
        """Bring everything to disk; without a spool it is discarded."""
        with self._lock:
            self._spool_all()
            reason = DiscardReason.STOPPED if self._spool is None else DiscardReason.DISK
            for waiting in [one for one in self._waiting.values() if one.stored is None]:
                self._discard(waiting, reason)

    def _enter(self, waiting: Waiting) -> None:
        self._waiting[waiting.sequence] = waiting
        if waiting.batch is not None:
            self._memory_bytes += len(waiting.batch.block)
        if waiting.stored is not None:
            self._on_disk += 1
            self._disk_bytes += waiting.stored.file_bytes

    def _leave(self, waiting: Waiting) -> None:
        """It is not waiting any more: settled, or given up."""
        if self._waiting.pop(waiting.sequence, None) is None:
            return
        self._forget_content(waiting)
        if waiting.stored is None:
            self._count_flushed(waiting)
        else:
            self._on_disk -= 1
            self._disk_bytes -= waiting.stored.file_bytes
            if self._spool is not None:
                try:
                    self._spool.remove(waiting.stored)
                except OSError as error:
                    self._report(
                        "not removed", f"spool: a delivered batch cannot be removed: {error.strerror}"
                    )

    def _forget_content(self, waiting: Waiting) -> None:
        if waiting.batch is not None:
            self._memory_bytes -= len(waiting.batch.block)
            waiting.batch = None

    def _count_flushed(self, waiting: Waiting) -> None:
        self._note_flushed(waiting.table, waiting.rows)

    def _load(self, waiting: Waiting) -> bool:
        """Read a batch back; False if it cannot be had any more."""
        if self._spool is None or waiting.stored is None:
            return False
        try:
            waiting.batch = self._spool.read(waiting.stored)
        except (Foreign, OSError) as error:
            reason = str(error) if isinstance(error, Foreign) else str(error.strerror)
            self._spool.set_aside_damaged(waiting.stored, reason)
            self._discard(waiting, DiscardReason.DAMAGED)
            return False
        self._memory_bytes += len(waiting.batch.block)
        return True

    def _spool_all(self) -> None:
        for waiting in list(self._waiting.values()):
            if not self._spool_one(waiting):
                return

    def _spool_one(self, waiting: Waiting) -> bool:
        """Bring a batch to disk if it is not there; False if that failed: then it stays in memory."""
        if self._spool is None:
            return False
        if waiting.stored is not None or waiting.batch is None:
            return True
        try:
            waiting.stored = self._spool.write(waiting.sequence, waiting.batch, waiting.cut_us)
        except OSError as error:
            self._report("not written", f"spool: cannot be written, batches stay in memory: {error.strerror}")
            return False
        self._on_disk += 1
        self._disk_bytes += waiting.stored.file_bytes
        self.counts.spooled += waiting.rows
        self._count_flushed(waiting)
        if not waiting.is_in_hand:
            self._forget_content(waiting)
        return True

    def _keep_limits(self) -> None:
        """Give up the oldest batches that are over a limit; never one that is being inserted."""
        too_old_us = self._wall_us() - self._limits.spool_age_us
        without_disk = DiscardReason.QUEUE_FULL if self._spool is None else DiscardReason.DISK
        for waiting in self._idle():
            if waiting.stored is None:
                if self._memory_bytes > self._limits.memory_bytes:
                    self._discard(waiting, without_disk)
            elif waiting.cut_us < too_old_us:
                self._discard(waiting, DiscardReason.SPOOL_OLD)
            elif self._disk_bytes > self._limits.spool_bytes:
                self._discard(waiting, DiscardReason.SPOOL_FULL)

    def _idle(self) -> list[Waiting]:
        return [waiting for waiting in self._waiting.values() if not waiting.is_in_hand]

    def _discard(self, waiting: Waiting, reason: DiscardReason) -> None:
        self.counts.discards[reason] += waiting.rows
        self._leave(waiting)

"""Rows of a running agent into an outbox, batch by batch. It never waits for the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from capture_agent.ports import SpoolDepth
from capture_agent.rows import Row
from capture_agent.sink.batch import Batch, BatchCutter, BatchLimits
from capture_agent.sink.outbox import Outbox
from capture_agent.sink.sender import Sender

FINISH_POLL_S = 0.02


class BatchingSink:
    """The near end of an outbox that a sender empties; satisfies `ports.LiveSink`."""

    def __init__(
        self,
        limits: BatchLimits,
        outbox: Outbox,
        sender: Sender,
        wake_sender: Callable[[], None],
        release: Callable[[], None],
        *,
        refused_for_s: float,
    ) -> None:
        """`release` ends the sender. A database that refuses the agent for so long is a failure."""
        self.counts = outbox.counts
        self._cutter = BatchCutter(limits)
        self._outbox = outbox
        self._sender = sender
        self._wake_sender = wake_sender
        self._release = release
        self._refused_for_s = refused_for_s
        self._last = -1

    @property
    def failure(self) -> str | None:
        """Why the database refuses the agent, once it has done so for long enough to be no accident."""
        since_s = self._sender.refused_since_s
        is_lasting = since_s is not None and time.monotonic() - since_s >= self._refused_for_s
        return self._sender.refusal if is_lasting else None

    def held_rows(self) -> int:
        """Rows that memory alone holds."""
        return self._cutter.held_rows + self._outbox.waiting_rows()

    def depth(self) -> SpoolDepth:
        """What waits on disk."""
        return self._outbox.depth()

    def write(self, rows: Sequence[Row]) -> None:
        """Take rows in."""
        self._put(self._cutter.add(rows))

    def flush(self) -> None:
        """Hand everything over to the outbox."""
        self._put(self._cutter.cut_all())

    def tend(self) -> None:
        """Bring to disk what has waited for too long."""
        self._outbox.keep_up()

    def ticket(self) -> int:
        """The number of the last batch."""
        return self._last

    def is_safe(self, ticket: int) -> bool:
        """Whether the batches up to this one are stored, spooled, or counted as given up."""
        return self._outbox.is_safe(ticket)

    def finish(self, within_s: float) -> None:
        """Give the database a last chance, if it is there; the rest goes to the spool, or is discarded."""
        self.flush()
        give_up_s = time.monotonic() + within_s
        while self._outbox.waiting_rows() and time.monotonic() < give_up_s:
            if self._sender.is_failing and self._outbox.outlives_the_process:
                break
            self._wake_sender()
            time.sleep(FINISH_POLL_S)
        self._outbox.end()

    def close(self) -> None:
        """End the sender, whatever it is doing: what it holds is on disk."""
        self._release()

    def _put(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            self._last = self._outbox.put(batch.packed())
            self._wake_sender()

"""One step of delivery at a time: the oldest batch into the database, and how long to wait for the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from capture_agent.ports import SinkError
from capture_agent.sink.clickhouse import Inserter, InsertFailed
from capture_agent.sink.outbox import Outbox, Waiting


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """How long to wait after failures in a row: twice as long after each, up to a bound.

    The jitter keeps many sensors from coming back to a restarted database at the same moment.
    """

    first_s: float = 0.5
    longest_s: float = 30.0
    jitter_ratio: float = 0.5
    """Share of the pause that is left to chance."""
    pass_over_after: int = 5
    """A batch to which the database answered with an error so often lets others pass before it is tried
    again. One that always makes the server run out of memory would otherwise hold up everything behind it."""
    pass_over_s: float = 60.0

    def pause_s(self, failures: int, chance: float) -> float:
        """After `failures` in a row, from 1; `chance` is drawn evenly from 0 to 1."""
        whole_s = min(self.first_s * 2.0 ** min(failures - 1, 30), self.longest_s)
        return whole_s * (1 - self.jitter_ratio * chance)


@dataclass(slots=True)
class Sender:
    """Empties an outbox into a database. `step` is called by one thread."""

    outbox: Outbox
    inserter: Inserter
    check: Callable[[], None]
    """Whether the database is the agent's; raises SinkError, InsertFailed. Asked until it does not."""
    monotonic: Callable[[], float]
    chance: Callable[[], float]
    report: Callable[[str, str], None]
    policy: BackoffPolicy = field(default_factory=BackoffPolicy)
    refusal: str | None = None
    """Why `check` refuses the database; None if it does not, or nothing was heard yet."""
    refused_since_s: float | None = None
    _is_checked: bool = False
    _failures: int = 0

    @property
    def is_failing(self) -> bool:
        """The last attempt failed."""
        return self._failures > 0

    def step(self) -> float | None:
        """Try one insert. Seconds to wait before the next step; None: there is nothing to send."""
        if not self._is_checked and not self._check():
            return self._pause_s()
        taken = self.outbox.maybe_take(self.monotonic())
        if taken is None or taken.batch is None:
            return None
        batch = taken.batch
        try:
            self.inserter.insert(batch.table, batch.block, batch.token, batch.encoding)
        except InsertFailed as error:
            return self._failed(taken, error)
        self.outbox.settle_stored(taken)
        self._failures = 0
        return 0.0

    def _check(self) -> bool:
        try:
            self.check()
        except (SinkError, InsertFailed) as error:
            if isinstance(error, SinkError) or not error.is_transient:
                self.refusal = str(error)
                self.refused_since_s = self.refused_since_s or self.monotonic()
            else:
                self.refusal = self.refused_since_s = None
            self._failures += 1
            self.report("away", f"ClickHouse cannot be used yet: {error}")
            return False
        self._is_checked, self._failures = True, 0
        self.refusal = self.refused_since_s = None
        return True

    def _failed(self, taken: Waiting, error: InsertFailed) -> float:
        if not (error.is_transient or error.is_mendable):
            # The database is there and says that this batch is wrong: the next one need not be.
            self.outbox.settle_rejected(taken, error.reason)
            self.report("rejected", f"ClickHouse rejects {taken.rows} rows: {error.reason}")
            self._failures = 0
            return 0.0
        self._failures += 1
        passed_over_until_s = 0.0
        if error.code is not None:
            taken.failures += 1
            if taken.failures >= self.policy.pass_over_after:
                passed_over_until_s = self.monotonic() + self.policy.pass_over_s
        self.outbox.settle_failed(taken, passed_over_until_s=passed_over_until_s)
        pause_s = self._pause_s()
        self.report("away", f"ClickHouse: {error.reason}; trying again in {pause_s:.2g} s")
        return pause_s

    def _pause_s(self) -> float:
        return self.policy.pause_s(max(self._failures, 1), self.chance())

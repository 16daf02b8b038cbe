"""The books of a run: counters of the current minute, closed into one AgentTick a minute."""

from __future__ import annotations

from dataclasses import dataclass, field

from capture_agent.events import LEVELS, AgentTick, JoinState, LedgerCounters, Quality

US_PER_MINUTE = 60_000_000
COUNTERS = tuple(name for name in LedgerCounters.__struct_fields__ if name not in LEVELS)
"""Columns that add up over minutes."""
JOIN_COUNTERS = {
    JoinState.MATCHED: "requests_matched",
    JoinState.AMBIGUOUS: "requests_ambiguous",
    JoinState.MIDSTREAM: "requests_midstream",
    JoinState.NO_HELLO: "requests_no_hello",
    JoinState.CLEARTEXT: "requests_cleartext",
}
HELLO_COUNTERS = {
    Quality.COMPLETE: "hellos_complete",
    Quality.REASSEMBLED: "hellos_reassembled",
    Quality.TRUNCATED: "hellos_truncated",
    Quality.MALFORMED: "hellos_malformed",
}


@dataclass(slots=True)
class Ledger:
    """Counts within the current minute and closes it when time passes its end.

    A minute that the clock jumps over has no tick: in a recording with a gap of hours the gap stays a gap.
    """

    sensor: str
    run_id: int
    counters: LedgerCounters = field(default_factory=LedgerCounters)
    """Increments since the last tick. Its levels are not used: they are given with the tick."""
    site: str = ""
    _minute_us: int | None = None
    _closed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))

    def totals(self) -> dict[str, int]:
        """Every counter since the start of the run, by its column's name."""
        return {name: closed + getattr(self.counters, name) for name, closed in self._closed.items()}

    def count_join(self, state: JoinState) -> None:
        """Count one settled request."""
        self._count(JOIN_COUNTERS[state])

    def count_hello(self, quality: Quality) -> None:
        """Count one hello."""
        self._count(HELLO_COUNTERS[quality])

    def maybe_close_minute(
        self, now_us: int, *, requests_waiting: int, clock_skew_us: int | None
    ) -> AgentTick | None:
        """The tick of the minute that ended before `now_us`; None while it lasts."""
        minute_us = now_us - now_us % US_PER_MINUTE
        if self._minute_us is None:
            self._minute_us = minute_us
        if minute_us <= self._minute_us:
            return None
        tick = self._tick(self._minute_us, requests_waiting, clock_skew_us)
        self._minute_us = minute_us
        return tick

    def close(self, *, requests_waiting: int, clock_skew_us: int | None) -> AgentTick | None:
        """The tick of the unfinished minute at the end of the run; None if time never began."""
        if self._minute_us is None:
            return None
        return self._tick(self._minute_us, requests_waiting, clock_skew_us)

    def is_minute_over(self, now_us: int) -> bool:
        """Whether `maybe_close_minute` would give a tick."""
        return self._minute_us is None or now_us - self._minute_us >= US_PER_MINUTE

    def _count(self, name: str) -> None:
        setattr(self.counters, name, getattr(self.counters, name) + 1)

    def _tick(self, minute_us: int, requests_waiting: int, clock_skew_us: int | None) -> AgentTick:
        counted = {name: getattr(self.counters, name) for name in COUNTERS}
        self._closed = self.totals()
        self.counters = LedgerCounters()
        return AgentTick(
            sensor=self.sensor,
            site=self.site,
            ts=minute_us,
            run_id=self.run_id,
            requests_waiting=requests_waiting,
            clock_skew_us=clock_skew_us,
            **counted,
        )

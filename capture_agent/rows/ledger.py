"""The books of a run: counters of the current minute, closed into one AgentTick a minute."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from capture_agent.events import AgentTick, JoinState, Quality

US_PER_MINUTE = 60_000_000
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
class Counters:
    """Increments since the last tick; each field is the AgentTick column of its name."""

    frames_seen: int = 0
    frames_dropped_kernel: int = 0
    frames_undecodable: int = 0
    hellos_complete: int = 0
    hellos_reassembled: int = 0
    hellos_truncated: int = 0
    hellos_malformed: int = 0
    hellos_unused: int = 0
    flows_opened: int = 0
    flows_evicted_idle: int = 0
    flows_evicted_full: int = 0
    streams_evicted_bytes: int = 0
    streams_evicted_segments: int = 0
    http_events_seen: int = 0
    http_events_rejected: int = 0
    http_events_dropped: int = 0
    http_events_lost: int = 0
    requests_matched: int = 0
    requests_ambiguous: int = 0
    requests_midstream: int = 0
    requests_no_hello: int = 0
    requests_cleartext: int = 0
    rows_inserted: int = 0
    rows_spooled: int = 0
    rows_discarded: int = 0

    def count_join(self, state: JoinState) -> None:
        """Count one settled request."""
        name = JOIN_COUNTERS[state]
        setattr(self, name, getattr(self, name) + 1)

    def count_hello(self, quality: Quality) -> None:
        """Count one hello."""
        name = HELLO_COUNTERS[quality]
        setattr(self, name, getattr(self, name) + 1)


@dataclass(slots=True)
class Ledger:
    """Counts within the current minute and closes it when time passes its end.

    A minute that the clock jumps over has no tick: in a recording with a gap of hours the gap stays a gap.
    """

    sensor: str
    run_id: int
    counters: Counters = field(default_factory=Counters)
    _minute_us: int | None = None
    _closed: Counters = field(default_factory=Counters)

    def totals(self) -> dict[str, int]:
        """Every counter since the start of the run, by its column's name."""
        return {
            f.name: getattr(self._closed, f.name) + getattr(self.counters, f.name)
            for f in fields(self.counters)
        }

    def maybe_close_minute(self, now_us: int, requests_waiting: int) -> AgentTick | None:
        """The tick of the minute that ended before `now_us`; None while it lasts."""
        minute_us = now_us - now_us % US_PER_MINUTE
        if self._minute_us is None:
            self._minute_us = minute_us
        if minute_us <= self._minute_us:
            return None
        tick = self._tick(self._minute_us, requests_waiting)
        self._minute_us = minute_us
        return tick

    def close(self, requests_waiting: int) -> AgentTick | None:
        """The tick of the unfinished minute at the end of the run; None if time never began."""
        return None if self._minute_us is None else self._tick(self._minute_us, requests_waiting)

    def is_minute_over(self, now_us: int) -> bool:
        """Whether `maybe_close_minute` would give a tick."""
        return self._minute_us is None or now_us - self._minute_us >= US_PER_MINUTE

    def _tick(self, minute_us: int, requests_waiting: int) -> AgentTick:
        counted = {f.name: getattr(self.counters, f.name) for f in fields(self.counters)}
        self._closed = Counters(**self.totals())
        self.counters = Counters()
        return AgentTick(
            sensor=self.sensor, ts=minute_us, run_id=self.run_id, requests_waiting=requests_waiting, **counted
        )

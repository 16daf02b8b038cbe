"""The span of time a page shows, and the span it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MICROSECONDS = 1_000_000
BARS_WANTED = 72
BUCKETS_S = (60, 300, 600, 900, 1800, 3600, 3 * 3600, 6 * 3600, 86400)
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open span `[since, until)` in UTC."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it is; always positive."""
        return self.until - self.since

    @property
    def since_us(self) -> int:
        """Start, microseconds since the Unix epoch."""
        return to_us(self.since)

    @property
    def until_us(self) -> int:
        """End, microseconds since the Unix epoch."""
        return to_us(self.until)

    @property
    def bucket_s(self) -> int:
        """Width of one bar of a timeline: the narrowest listed width that gives at most "
        "`BARS_WANTED` bars."""
        seconds = self.length.total_seconds()
        return next((width for width in BUCKETS_S if seconds / width <= BARS_WANTED), BUCKETS_S[-1])

    def earlier(self, by: timedelta) -> Window:
        """The same length, `by` earlier."""
        return Window(self.since - by, self.until - by)

    def comparison(self, oldest: datetime | None) -> Window | None:
        """The span that changes are measured against, or None when the data does not reach back.

        The same time a week earlier, because traffic follows the week; while the data is younger than
        that, the span just before. `oldest` is the time of the first row, None when there is none.
        """
        if oldest is None:
            return None
        for candidate in (self.earlier(WEEK), self.earlier(self.length)):
            if oldest <= candidate.since:
                return candidate
        return None


def to_us(moment: datetime) -> int:
    """Microseconds since the Unix epoch of an aware datetime."""
    return int(moment.timestamp()) * MICROSECONDS + moment.microsecond


def from_us(value: int) -> datetime:
    """Aware UTC datetime of microseconds since the Unix epoch."""
    seconds, micros = divmod(value, MICROSECONDS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)

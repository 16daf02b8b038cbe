"""Rows of the reads of the sensors' books."""

from __future__ import annotations

from datetime import datetime

from soc_dashboard.store.rows import Row


class SensorBooks(Row, frozen=True, kw_only=True):
    """sensor_books: what one sensor counted in the window; all zero for one that reported only before it."""

    sensor: str
    site: str
    """Where it stands, as its operator calls it; empty if they do not say."""
    newest: datetime
    """Its last minute, also before the window."""
    minutes: int
    """Minutes of the window that it reported."""
    frames_seen: int
    frames_dropped_kernel: int
    frames_undecodable: int
    hellos_complete: int
    hellos_reassembled: int
    hellos_truncated: int
    hellos_malformed: int
    hellos_unused: int
    evicted_full: int
    """Connections, epochs and fragments forgotten because a table was full."""
    half_hellos_evicted: int
    http_events_seen: int
    http_events_lost: int
    """Never arrived: gaps in the numbers of their source; not part of `http_events_seen`."""
    http_events_rejected: int
    http_events_dropped: int
    http_events_duplicate: int
    http_events_excluded: int
    requests_matched: int
    requests_ambiguous: int
    requests_midstream: int
    requests_no_hello: int
    requests_cleartext: int
    requests_waiting: int
    """Requests that waited for their hello at the end of its last minute."""
    rows_inserted: int
    rows_spooled: int
    rows_discarded: int
    clock_skew_us: int | None
    """Clock of the HTTP events minus clock of the packets; None while unknown."""

    @property
    def requests_tls(self) -> int:
        """Requests over TLS, joined or not."""
        return (
            self.requests_matched + self.requests_ambiguous + self.requests_midstream + self.requests_no_hello
        )

    @property
    def loss_ratio(self) -> float | None:
        """Frames the kernel dropped, of all that reached the sensor; None without any."""
        whole = self.frames_seen + self.frames_dropped_kernel
        return self.frames_dropped_kernel / whole if whole else None

    @property
    def join_ratio(self) -> float | None:
        """TLS requests joined with their handshake; None without any."""
        return self.requests_matched / self.requests_tls if self.requests_tls else None

    @property
    def unbooked(self) -> int:
        """Events that came in and are neither a request nor counted as left out; those that wait included."""
        return (
            self.http_events_seen
            - self.http_events_rejected
            - self.http_events_dropped
            - self.http_events_duplicate
            - self.requests_tls
            - self.requests_cleartext
        )


class JoinBucket(Row, frozen=True, kw_only=True):
    """join_timeline: requests of one way of joining in one bar."""

    bucket_s: int
    """Start of the bar, seconds since the epoch."""
    join_state: str
    requests: int

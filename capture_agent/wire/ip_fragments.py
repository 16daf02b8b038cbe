"""Puts fragmented IPv4 and IPv6 datagrams together.

Policy as in Linux (net/ipv4/ip_fragment.c, and RFC 5722 for IPv6): an exact duplicate is ignored, an
overlap discards the whole datagram, so that nobody can show the sensor other bytes than the server saw.
The don't-fragment bit is no evidence against a fragment: some senders set it on the last one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_DATAGRAMS = 1024
"""Datagrams waiting at once; the oldest gives way."""
MAX_WAITING_BYTES = 4 << 20
"""Bytes waiting in all datagrams, the default of net.ipv4.ipfrag_high_thresh."""
MAX_FRAGMENTS = 128
"""Fragments of one datagram: 64 kB at the smallest MTU in use (576) are 118."""
MAX_DATAGRAM_BYTES = 65_535
TIMEOUT_US = 30_000_000
"""Linux's net.ipv4.ipfrag_time."""


@dataclass(slots=True)
class FragmentCounters:
    """Datagrams given up, by reason."""

    evicted_full: int = 0
    evicted_timeout: int = 0
    discarded_overlap: int = 0
    discarded_oversize: int = 0


@dataclass(slots=True)
class _Waiting:
    first_us: int
    parts: dict[int, bytes] = field(default_factory=dict)
    held_bytes: int = 0
    total: int | None = None
    is_discarded: bool = False


class FragmentBuffer:
    """Bounded store of incomplete datagrams, keyed by whatever identifies one (addresses, id, protocol)."""

    def __init__(self) -> None:
        self.counters = FragmentCounters()
        self._waiting: dict[bytes, _Waiting] = {}
        self._held_bytes = 0

    def add(self, key: bytes, offset: int, is_last: bool, octets: bytes, ts_us: int) -> bytes | None:
        """Add the fragment that lies at `offset` in its datagram; return the payload once it is whole."""
        entry = self._waiting.get(key)
        if entry is not None and ts_us - entry.first_us > TIMEOUT_US:
            self.counters.evicted_timeout += 1
            self._drop(key)
            entry = None
        if entry is None:
            self._make_room(ts_us)
            entry = self._waiting[key] = _Waiting(ts_us)
        if entry.is_discarded:
            return None
        end = offset + len(octets)
        if end > MAX_DATAGRAM_BYTES or (not is_last and len(octets) % 8) or len(entry.parts) >= MAX_FRAGMENTS:
            self.counters.discarded_oversize += 1
            self._discard(entry)
            return None
        if entry.parts.get(offset) == octets:
            return None
        is_contradiction = (
            any(offset < start + len(part) and start < end for start, part in entry.parts.items())
            or (is_last and entry.total is not None and entry.total != end)
            or (entry.total is not None and end > entry.total)
        )
        if is_contradiction:
            self.counters.discarded_overlap += 1
            self._discard(entry)
            return None
        entry.parts[offset] = octets
        entry.held_bytes += len(octets)
        self._held_bytes += len(octets)
        if is_last:
            entry.total = end
        if entry.held_bytes != entry.total:
            return None
        whole = b"".join(part for _, part in sorted(entry.parts.items()))
        self._drop(key)
        return whole

    def _discard(self, entry: _Waiting) -> None:
        """Forget the bytes, keep the entry: later fragments of the datagram must not start it afresh."""
        self._held_bytes -= entry.held_bytes
        entry.parts.clear()
        entry.held_bytes = 0
        entry.is_discarded = True

    def _drop(self, key: bytes) -> None:
        self._held_bytes -= self._waiting.pop(key).held_bytes

    def _make_room(self, ts_us: int) -> None:
        while self._waiting:
            oldest = next(iter(self._waiting))
            if ts_us - self._waiting[oldest].first_us > TIMEOUT_US:
                self.counters.evicted_timeout += 1
            elif len(self._waiting) >= MAX_DATAGRAMS or self._held_bytes > MAX_WAITING_BYTES:
                self.counters.evicted_full += 1
            else:
                return
            self._drop(oldest)

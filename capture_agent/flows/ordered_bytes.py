"""Brings the segments of one direction of a connection into order; knows what is missing."""

from __future__ import annotations

from collections.abc import Callable

from capture_agent.flows.client_stream import SEQ_HALF, SEQ_MASK

MAX_HELD_BYTES = 65_536
"""Bytes that may wait for what is before them. Linux sends up to its window, but a capture that lacks a
segment lacks it for good: waiting longer only delays that finding."""
MAX_HELD_SEGMENTS = 64


class OrderedBytes:
    """`receive` takes a segment; `next` gives what follows without a gap; `gap` says how much is missing.

    `next_seq` is the sequence number of the first byte; None if `receive` is to begin where it is told.
    """

    __slots__ = ("_held", "held_bytes", "next_seq")

    def __init__(self, next_seq: int | None) -> None:
        self.next_seq = next_seq
        self.held_bytes = 0
        self._held: dict[int, bytes] = {}

    @property
    def is_full(self) -> bool:
        """As much waits behind the gap as may."""
        return self.held_bytes > MAX_HELD_BYTES or len(self._held) > MAX_HELD_SEGMENTS

    def receive(self, seq: int, payload: bytes) -> bytes:
        """The bytes of this segment that come next; empty if they came before or something is missing."""
        if self.next_seq is None:
            self._hold(seq, payload)
            return b""
        behind = (self.next_seq - seq) & SEQ_MASK
        if behind < SEQ_HALF:
            fresh = payload[behind:] if behind else payload
            self.next_seq = (self.next_seq + len(fresh)) & SEQ_MASK
            return fresh
        self._hold(seq, payload)
        return b""

    def next(self) -> bytes:
        """What was held and comes next now; empty if there is nothing."""
        while self._held and self.next_seq is not None:
            seq = self._first()
            behind = (self.next_seq - seq) & SEQ_MASK
            if behind >= SEQ_HALF:
                return b""
            payload = self._held.pop(seq)
            self.held_bytes -= len(payload)
            if fresh := payload[behind:]:
                self.next_seq = (self.next_seq + len(fresh)) & SEQ_MASK
                return fresh
        return b""

    def gap(self) -> int:
        """Bytes missing before what is held; 0 if nothing is held."""
        if not self._held or self.next_seq is None:
            return 0
        return (self._first() - self.next_seq) & SEQ_MASK

    def skip(self, size: int) -> None:
        """Go on behind bytes that will not come."""
        if self.next_seq is not None:
            self.next_seq = (self.next_seq + size) & SEQ_MASK

    def begin(self, seq: int) -> None:
        """The stream begins here; what is held and lies before is forgotten by `next`."""
        self.next_seq = seq

    def is_lost(self, acknowledged: int | None) -> bool:
        """The other side has received what is missing here, so it will not come any more."""
        gap = self.gap()
        if not gap or acknowledged is None or self.next_seq is None:
            return False
        return (acknowledged - self.next_seq - gap) & SEQ_MASK < SEQ_HALF

    def maybe_find(self, is_sought: Callable[[bytes], bool]) -> int | None:
        """Where the first held segment that is sought begins."""
        return next((seq for seq, payload in sorted(self._held.items()) if is_sought(payload)), None)

    def _first(self) -> int:
        next_seq = self.next_seq or 0
        return min(self._held, key=lambda seq: (seq - next_seq + SEQ_HALF) & SEQ_MASK)

    def _hold(self, seq: int, payload: bytes) -> None:
        earlier = self._held.get(seq, b"")
        if len(payload) > len(earlier):
            self._held[seq] = payload
            self.held_bytes += len(payload) - len(earlier)

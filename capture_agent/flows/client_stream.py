"""The client's half of one TCP connection, in order, up to its ClientHello.

Overlap policy, that of Linux (net/ipv4/tcp_input.c, tcp_data_queue_ofo): bytes once delivered are never
replaced; among waiting segments the one that starts earlier supplies the overlap, and of two that start
at the same place the longer one, the first of them if they are equally long. A retransmission with other
bytes therefore changes nothing that the server has already taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from capture_agent.flows.hello_search import HelloSearch, may_start_hello
from capture_agent.wire.errors import Malformed, NotTls
from capture_agent.wire.hello_message import MAX_HELLO_BYTES, HelloMessage

SEQ_MASK = 0xFFFF_FFFF
SEQ_HALF = 0x8000_0000
MAX_STREAM_BYTES = MAX_HELLO_BYTES + 16_384
"""Bytes followed in search of one hello: the largest hello, its record headers, a preamble."""
MAX_SEGMENTS = 100
"""Segments taken in search of one hello; 64 kB in segments of 1,400 bytes are 47."""
MAX_MIDSTREAM_SEGMENTS = 4
"""Segments kept of a stream whose start was missed, in case the one with the hello's start comes late."""


class GiveUp(StrEnum):
    """Why the search in a stream ended without an answer."""

    BYTES = "bytes"
    SEGMENTS = "segments"
    CUT = "cut"
    """The snap length cut bytes out of the stream."""


@dataclass(frozen=True, slots=True)
class StreamHello:
    """What one segment completed: a hello, or the place where its grammar broke."""

    hello: HelloMessage | None
    malformed: Malformed | None
    segments: int


class ClientStream:
    """Puts segments in order and searches them; `next_seq` None means the start of the stream was missed."""

    __slots__ = (
        "_cut_seq",
        "_delivered_bytes",
        "_held",
        "_is_anchored",
        "_next_seq",
        "_segments",
        "gave_up",
        "held_bytes",
        "hello_segments",
        "initial_seq",
        "search",
    )

    def __init__(self, next_seq: int | None) -> None:
        self.search = HelloSearch()
        self.gave_up: GiveUp | None = None
        self.held_bytes = 0
        """Bytes waiting here for the segments before them."""
        self.initial_seq = None if next_seq is None else (next_seq - 1) & SEQ_MASK
        """Sequence number of the SYN; of a stream joined midway, the one before the hello's start."""
        self._is_anchored = next_seq is not None
        self._next_seq = next_seq or 0
        self._held: dict[int, bytes] = {}
        self.hello_segments = 0
        """Segments that brought bytes of the hello that is not whole yet."""
        self._segments = 0
        self._delivered_bytes = 0
        self._cut_seq: int | None = None

    @property
    def is_done(self) -> bool:
        """Nothing more can come of this stream."""
        return self.search.is_done or self.gave_up is not None

    @property
    def buffered_bytes(self) -> int:
        """Bytes held for this stream, in order or not."""
        return self.held_bytes + self.search.buffered_bytes

    def resume_behind_hello(self, size: int, start: bytes, announces_early_data: bool) -> None:
        """Go on as if the first `size` bytes had come and had been one hello; see ClientHelloReader."""
        self._next_seq = (self._next_seq + size) & SEQ_MASK
        self.search.resume_behind_hello(size, start, announces_early_data)

    def receive(self, seq: int, payload: bytes, is_cut: bool) -> list[StreamHello]:
        """Take a segment in whatever order it comes; return the hellos it completed, usually none or one."""
        found: list[StreamHello] = []
        if self.search.is_done or self.gave_up is not None:
            return found
        if not self._is_anchored:
            if not may_start_hello(payload):
                self._hold(seq, payload)
                if len(self._held) >= MAX_MIDSTREAM_SEGMENTS:
                    self._give_up(GiveUp.SEGMENTS)
                return found
            self._is_anchored = True
            self._next_seq = seq
            self.initial_seq = (seq - 1) & SEQ_MASK
        if is_cut:
            self._note_cut((seq + len(payload)) & SEQ_MASK)
        ahead = (seq - self._next_seq) & SEQ_MASK
        if ahead >= SEQ_HALF:
            payload = payload[SEQ_MASK + 1 - ahead :]
        elif ahead > MAX_STREAM_BYTES:
            # Outside any window that could still hold a hello: a stray or forged segment.
            return found
        elif ahead:
            self._hold(seq, payload)
            payload = b""
        if payload:
            self._deliver(payload, found)
            if self._held:
                self._deliver_held(found)
        self._enforce_limits()
        return found

    def _deliver(self, payload: bytes, found: list[StreamHello]) -> None:
        search = self.search
        self._next_seq = (self._next_seq + len(payload)) & SEQ_MASK
        self._delivered_bytes += len(payload)
        self._segments += 1
        segments = self.hello_segments + 1
        try:
            hello = search.feed(payload)
            while hello is not None:
                found.append(StreamHello(hello, None, segments))
                self._delivered_bytes = 0
                self._segments = 0
                segments = 1
                hello = search.feed(b"")
        except NotTls:
            search.is_done = True
        except Malformed as error:
            search.is_done = True
            found.append(StreamHello(None, error, segments))
        self.hello_segments = segments if search.is_inside_hello else 0

    def _deliver_held(self, found: list[StreamHello]) -> None:
        while self._held and not self.search.is_done:
            seq = min(self._held, key=lambda start: (start - self._next_seq + SEQ_HALF) & SEQ_MASK)
            ahead = (seq - self._next_seq) & SEQ_MASK
            if 0 < ahead < SEQ_HALF:
                return
            payload = self._held.pop(seq)
            self.held_bytes -= len(payload)
            payload = payload[(self._next_seq - seq) & SEQ_MASK :]
            if payload:
                self._deliver(payload, found)

    def _hold(self, seq: int, payload: bytes) -> None:
        earlier = self._held.get(seq, b"")
        if len(payload) > len(earlier):
            self._held[seq] = payload
            self.held_bytes += len(payload) - len(earlier)

    def _note_cut(self, cut_seq: int) -> None:
        if self._cut_seq is None or (cut_seq - self._cut_seq) & SEQ_MASK >= SEQ_HALF:
            self._cut_seq = cut_seq

    def _enforce_limits(self) -> None:
        if self.search.is_done:
            self._drop_held()
        elif self._segments + len(self._held) > MAX_SEGMENTS:
            self._give_up(GiveUp.SEGMENTS)
        elif self._delivered_bytes + self.held_bytes > MAX_STREAM_BYTES:
            self._give_up(GiveUp.BYTES)
        elif self._cut_seq is not None and (self._next_seq - self._cut_seq) & SEQ_MASK < SEQ_HALF:
            self._give_up(GiveUp.CUT)

    def _give_up(self, reason: GiveUp) -> None:
        self.gave_up = reason
        self._drop_held()

    def _drop_held(self) -> None:
        self._held.clear()
        self.held_bytes = 0

"""Bounds the bytes that all incomplete hellos hold together, and the time they may take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Generic, Protocol, TypeVar

STREAM_BYTES = 2048
"""What a stream takes besides the bytes it holds; without it, a flood of tiny hellos would be free."""
SPARE_ENTRIES = 1024
"""Entries of finished streams that may lie in the queue before it is cleared of them."""


class HoldsBytes(Protocol):
    """A flow that can hold the beginning of a hello."""

    client_key: bytes


FlowT = TypeVar("FlowT", bound=HoldsBytes)


@dataclass(slots=True)
class _Begun(Generic[FlowT]):
    flow: FlowT
    held_bytes: int
    begun_us: int
    number: int


class StreamBudget(Generic[FlowT]):
    """The streams that hold bytes, the one begun first in front, in whatever order they are noted."""

    def __init__(self, max_bytes: int) -> None:
        self.held_bytes = 0
        self._max_bytes = max_bytes
        self._begun: dict[bytes, _Begun[FlowT]] = {}
        self._queue: list[tuple[int, int, bytes]] = []
        """A heap of (begun_us, number, client's key); entries whose number is out of date are skipped."""
        self._number = 0

    def note(self, flow: FlowT, buffered: int, ts_us: int) -> Iterator[FlowT]:
        """Record that `flow` holds `buffered` bytes, since `ts_us` if it held none before.

        Yields the flows that must give theirs up.
        """
        begun = self._begun.get(flow.client_key)
        if begun is not None:
            self.held_bytes -= begun.held_bytes
        if buffered:
            buffered += STREAM_BYTES
            if begun is None:
                self._enqueue(flow, buffered, ts_us)
            else:
                begun.flow, begun.held_bytes = flow, buffered
            self.held_bytes += buffered
        elif begun is not None:
            del self._begun[flow.client_key]
        while self.held_bytes > self._max_bytes and (first := self._maybe_first()) is not None:
            yield first.flow

    def begun_before(self, ts_us: int) -> Iterator[FlowT]:
        """The flows that began to hold bytes before `ts_us`, which are forgotten with that."""
        while (first := self._maybe_first()) is not None and first.begun_us < ts_us:
            yield first.flow
            self.forget(first.flow)

    def forget(self, flow: FlowT) -> None:
        """The flow holds nothing any more."""
        begun = self._begun.pop(flow.client_key, None)
        if begun is not None:
            self.held_bytes -= begun.held_bytes

    def _enqueue(self, flow: FlowT, held_bytes: int, ts_us: int) -> None:
        self._number += 1
        self._begun[flow.client_key] = _Begun(flow, held_bytes, ts_us, self._number)
        if len(self._queue) > 2 * len(self._begun) + SPARE_ENTRIES:
            self._queue = [(held.begun_us, held.number, key) for key, held in self._begun.items()]
            heapify(self._queue)
        else:
            heappush(self._queue, (ts_us, self._number, flow.client_key))

    def _maybe_first(self) -> _Begun[FlowT] | None:
        while self._queue:
            _, number, key = self._queue[0]
            begun = self._begun.get(key)
            if begun is not None and begun.number == number:
                return begun
            heappop(self._queue)
        return None

"""Bounds the bytes that all incomplete hellos hold together, and the time they may take."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

STREAM_BYTES = 2048
"""What a stream takes besides the bytes it holds; without it, a flood of tiny hellos would be free."""


class HoldsBytes(Protocol):
    """A flow that can hold the beginning of a hello."""

    client_key: bytes


FlowT = TypeVar("FlowT", bound=HoldsBytes)


class StreamBudget(Generic[FlowT]):
    """The streams that hold bytes, the one begun first in front."""

    def __init__(self, max_bytes: int) -> None:
        self.held_bytes = 0
        self._max_bytes = max_bytes
        self._begun: OrderedDict[bytes, tuple[FlowT, int, int]] = OrderedDict()

    def note(self, flow: FlowT, buffered: int, ts_us: int) -> Iterator[FlowT]:
        """Record that `flow` now holds `buffered` bytes; yields the flows that must give theirs up."""
        begun = self._begun.get(flow.client_key)
        if begun is not None:
            self.held_bytes -= begun[1]
        if buffered:
            buffered += STREAM_BYTES
            self._begun[flow.client_key] = (flow, buffered, ts_us if begun is None else begun[2])
            self.held_bytes += buffered
        elif begun is not None:
            del self._begun[flow.client_key]
        while self.held_bytes > self._max_bytes:
            yield next(iter(self._begun.values()))[0]

    def begun_before(self, ts_us: int) -> Iterator[FlowT]:
        """The flows that began to hold bytes before `ts_us`; the caller must `forget` each."""
        while self._begun:
            flow, _, begun_us = next(iter(self._begun.values()))
            if begun_us >= ts_us:
                return
            yield flow
            self.forget(flow)

    def forget(self, flow: FlowT) -> None:
        """The flow holds nothing any more."""
        begun = self._begun.pop(flow.client_key, None)
        if begun is not None:
            self.held_bytes -= begun[1]

"""The output of `ja4-agent read`: one JSON line per ClientHello."""

from __future__ import annotations

from collections.abc import Sequence

from capture_agent.flows.flow_events import FlowEvent, HelloSeen
from capture_agent.rows.tls_hello import tls_hello_row
from capture_agent.sink.encode import encode_row


class HelloLines:
    """JSON lines of hellos: the columns of `raw_tls_hellos`, the skeleton on request because of its size."""

    def __init__(self, sensor: str, *, with_skeleton: bool) -> None:
        self.sensor = sensor
        self.with_skeleton = with_skeleton
        self._left_out = frozenset() if with_skeleton else frozenset({"hello_skeleton"})

    def __call__(self, flow_events: Sequence[FlowEvent]) -> bytes:
        """The lines of the hellos among the events."""
        return b"".join([self.line(event) for event in flow_events if isinstance(event, HelloSeen)])

    def line(self, seen: HelloSeen) -> bytes:
        """The line of one hello."""
        return encode_row(tls_hello_row(seen, self.sensor), self._left_out)

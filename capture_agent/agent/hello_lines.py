"""The output of `ja4-agent read`: one JSON line per ClientHello, and per cleartext request."""

from __future__ import annotations

from collections.abc import Sequence

from capture_agent.agent.request_lines import RequestLines
from capture_agent.flows.flow_events import FlowEvent, HelloSeen, HttpExchange
from capture_agent.flows.limits import FlowLimits
from capture_agent.rows.tls_hello import tls_hello_row
from capture_agent.sink.encode import encode_row

TOLD = (HelloSeen, HttpExchange)
"""The flow events that have a line."""


class HelloLines:
    """JSON lines of hellos: the columns of `raw_tls_hellos`, the skeleton on request because of its size."""

    def __init__(self, sensor: str, *, with_skeleton: bool, requests: RequestLines | None = None) -> None:
        """`requests`: writes the cleartext requests as well; None reads none."""
        self.sensor = sensor
        self.requests = requests
        self.with_skeleton = with_skeleton
        self._left_out = frozenset() if with_skeleton else frozenset({"hello_skeleton"})

    def __call__(self, flow_events: Sequence[FlowEvent]) -> bytes:
        """The lines of the hellos and the requests among the events."""
        return b"".join([self.line(event) for event in flow_events if isinstance(event, TOLD)])

    @property
    def limits(self) -> FlowLimits:
        """Bounds of the flow table whose events these are."""
        return FlowLimits(cleartext_ports=frozenset() if self.requests is None else self.requests.ports)

    def line(self, seen: HelloSeen | HttpExchange) -> bytes:
        """The line of one hello or request."""
        if isinstance(seen, HttpExchange):
            return b"" if self.requests is None else self.requests.line(seen)
        return encode_row(tls_hello_row(seen, self.sensor), self._left_out)

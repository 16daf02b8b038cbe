"""The flow table: segments and datagrams in, connection epochs and ClientHellos out. Owns no clock."""

from __future__ import annotations

from collections.abc import Iterator

from capture_agent.flows.flow_events import FlowEvent
from capture_agent.flows.limits import FlowCounters, FlowLimits
from capture_agent.flows.tcp_table import TcpTable
from capture_agent.flows.udp_table import UdpTable
from capture_agent.wire.segment import Segment, TcpSegment


class FlowTable:
    """Bounded by `limits`; what the bounds cost is in `counters`. `sensor` goes into each connection's id."""

    def __init__(
        self, sensor: str, limits: FlowLimits | None = None, tcp_table: type[TcpTable] = TcpTable
    ) -> None:
        self.limits = limits or FlowLimits()
        self.counters = FlowCounters()
        self.tcp = tcp_table(sensor, self.limits, self.counters)
        self.udp = UdpTable(sensor, self.limits, self.counters)

    def __len__(self) -> int:
        return len(self.tcp) + len(self.udp)

    def feed(self, segment: Segment, ts_us: int) -> list[FlowEvent]:
        """Take one segment or datagram captured at `ts_us`; return what it completed."""
        events: list[FlowEvent] = []
        if isinstance(segment, TcpSegment):
            self.tcp.feed(segment, ts_us, events)
        else:
            self.udp.feed(segment, ts_us, events)
        return events

    def advance(self, now_us: int) -> list[FlowEvent]:
        """Let time pass: idle connections close, overdue hellos are given up."""
        events: list[FlowEvent] = []
        self.tcp.advance(now_us, events)
        self.udp.advance(now_us, events)
        return events

    def finish(self, now_us: int) -> list[FlowEvent]:
        """The input has ended: report hellos that were begun, close every connection."""
        return [event for events in self.finish_in_parts(now_us) for event in events]

    def finish_in_parts(self, now_us: int) -> Iterator[list[FlowEvent]]:
        """As `finish`, some connections at a time: the events of a full table take more room than it does."""
        yield from self.tcp.finish(now_us)
        yield from self.udp.finish(now_us)

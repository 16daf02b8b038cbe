"""From frames to flow events: the readable path, which is the reference for every faster one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from capture_agent.flows.flow_events import FlowEvent
from capture_agent.flows.limits import FlowLimits
from capture_agent.flows.table import FlowTable
from capture_agent.flows.tcp_table import TcpTable
from capture_agent.wire.errors import Malformed
from capture_agent.wire.frame import Frame
from capture_agent.wire.packet import PacketDecoder
from capture_agent.wire.segment import Segment


@dataclass(slots=True)
class FrameCounters:
    """What became of frames before the flow table."""

    frames_seen: int = 0
    frames_undecodable: int = 0
    """Headers cut short or contradicting themselves."""


class PacketPath:
    """Decodes every frame and feeds every segment to the flow table."""

    def __init__(
        self, sensor: str, limits: FlowLimits | None = None, tcp_table: type[TcpTable] = TcpTable
    ) -> None:
        self.table = FlowTable(sensor, limits, tcp_table)
        self.decoder = PacketDecoder()
        self.counters = FrameCounters()

    def feed(self, frame: Frame) -> list[FlowEvent]:
        """Take one frame; return what it completed. Frames that cannot be decoded are counted."""
        segment = self.maybe_segment(frame)
        return [] if segment is None else self.table.feed(segment, frame.ts_us)

    def maybe_segment(self, frame: Frame) -> Segment | None:
        """What a frame carries, counted as seen; None if it is nothing for the flow table."""
        self.counters.frames_seen += 1
        try:
            return self.decoder.decode(frame)
        except Malformed:
            self.counters.frames_undecodable += 1
            return None

    def advance(self, now_us: int) -> list[FlowEvent]:
        """Let time pass; see FlowTable.advance."""
        return self.table.advance(now_us)

    def finish(self, now_us: int) -> list[FlowEvent]:
        """The input has ended; see FlowTable.finish."""
        return self.table.finish(now_us)

    def finish_in_parts(self, now_us: int) -> Iterator[list[FlowEvent]]:
        """As `finish`, with bounded memory; see FlowTable.finish_in_parts."""
        return self.table.finish_in_parts(now_us)

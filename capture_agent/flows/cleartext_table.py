"""The connections whose cleartext HTTP is read: kept apart, so that all others pass as quickly as without it.

Each has its ordinary entry of the flow table as well, which searches the client's bytes for a ClientHello:
the ports may carry TLS, and a tunnel that CONNECT opens does. When there is nothing more to read the entry
goes back to the flow table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from capture_agent.flows.flow_events import FlowEvent, HttpExchange, HttpReadingEnded
from capture_agent.flows.http_conversation import HttpConversation
from capture_agent.flows.http_pending import NO_STATUS, ReadingEnd
from capture_agent.flows.limits import FlowCounters, FlowLimits
from capture_agent.flows.stream_budget import StreamBudget
from capture_agent.wire.segment import TCP_ACK

if TYPE_CHECKING:
    from capture_agent.flows.flow_events import ConnectionEpoch
    from capture_agent.flows.tcp_flow import TcpFlow
    from capture_agent.wire.segment import TcpSegment


class ReadFlow(msgspec.Struct, eq=False):
    """A connection and what is read on it."""

    client_key: bytes
    flow: TcpFlow
    conversation: HttpConversation
    is_given_back: bool = False


class CleartextTable:
    """Bounded in connections, and in bytes held over all: the one that began to hold first gives way."""

    def __init__(
        self, limits: FlowLimits, counters: FlowCounters, give_back: Callable[[TcpFlow], None]
    ) -> None:
        """`give_back` takes the entry of a connection that is not read any more."""
        self.flows: dict[bytes, ReadFlow] = {}
        """Under the flow keys of both directions."""
        self._ports = frozenset(port.to_bytes(2, "big") for port in limits.cleartext_ports)
        self._limits = limits
        self._counters = counters
        self._give_back = give_back
        self._budget: StreamBudget[ReadFlow] = StreamBudget(limits.max_cleartext_bytes)

    def __len__(self) -> int:
        return len(self.flows) // 2

    def maybe_begin(self, flow: TcpFlow, epoch: ConnectionEpoch) -> bool:
        """Take a connection that opens, if it is one to be read."""
        if flow.client_key[-2:] not in self._ports:
            return False
        if epoch.is_midstream or flow.isn is None:
            self._counters.cleartext_streams_gap += 1
            return False
        if len(self) >= self._limits.max_cleartext_flows:
            self._counters.cleartext_streams_evicted_full += 1
            return False
        read = ReadFlow(flow.client_key, flow, HttpConversation(epoch, flow.isn))
        self.flows[flow.client_key] = read
        self.flows[flow.server_key] = read
        return True

    def maybe_flow(self, key: bytes) -> TcpFlow | None:
        """The entry of a connection that is read."""
        read = self.flows.get(key)
        return None if read is None else read.flow

    def entries(self) -> list[TcpFlow]:
        """Those of all connections that are read."""
        return [read.flow for key, read in self.flows.items() if key is read.client_key]

    def stop_reading(self, flow: TcpFlow) -> None:
        """The connection turned out to be another protocol's elsewhere."""
        read = self.flows.get(flow.client_key)
        if read is not None:
            self._give_up(read, [])

    def read(self, flow: TcpFlow, segment: TcpSegment, seq: int, ts_us: int, events: list[FlowEvent]) -> None:
        """Take the payload of one segment of a connection that is read."""
        read = self.flows.get(flow.client_key)
        if read is None:
            return
        conversation = read.conversation
        self._tell(
            conversation.take(
                seq,
                segment.payload,
                ack=segment.ack if segment.flags & TCP_ACK else None,
                is_cut=segment.is_cut,
                is_client=segment.flow_key == flow.client_key,
                ts_us=ts_us,
            ),
            events,
        )
        self._counters.cleartext_streams_gap += conversation.gaps
        conversation.gaps = 0
        if conversation.ended is not None:
            self._give_up(read, events)
            return
        for victim in self._budget.note(read, conversation.held_bytes, ts_us):
            self._tell(victim.conversation.finish(ts_us, ReadingEnd.FULL), events)
            self._give_up(victim, events)

    def end(self, flow: TcpFlow, ts_us: int, events: list[FlowEvent]) -> None:
        """The connection is over."""
        read = self.flows.get(flow.client_key)
        if read is not None:
            self._tell(read.conversation.finish(ts_us), events)
            self._forget(read)

    def _tell(self, exchanges: list[HttpExchange], events: list[FlowEvent]) -> None:
        self._counters.cleartext_requests_read += len(exchanges)
        self._counters.cleartext_requests_unanswered += sum(one.status == NO_STATUS for one in exchanges)
        events += exchanges

    def _give_up(self, read: ReadFlow, events: list[FlowEvent]) -> None:
        """The connection goes on without being read."""
        self._forget(read)
        events.append(HttpReadingEnded(read.flow.conn_id, read.conversation.requests))
        self._give_back(read.flow)

    def _forget(self, read: ReadFlow) -> None:
        for reason in (read.conversation.ended, read.conversation.server_ended):
            if reason is not None:
                self._count(reason)
        self._budget.forget(read)
        self.flows.pop(read.client_key, None)
        self.flows.pop(read.flow.server_key, None)

    def _count(self, reason: ReadingEnd) -> None:
        counters = self._counters
        if reason is ReadingEnd.MALFORMED:
            counters.cleartext_heads_malformed += 1
        elif reason is ReadingEnd.OVERSIZE:
            counters.cleartext_heads_oversize += 1
        elif reason is ReadingEnd.FULL:
            counters.cleartext_streams_evicted_full += 1

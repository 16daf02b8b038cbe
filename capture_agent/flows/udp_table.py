"""QUIC and DTLS connections, known by the datagrams that start like a ClientHello.

UDP shows no end, so an epoch lasts until it is idle. Other UDP traffic leaves no trace here.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from capture_agent.events import Transport
from capture_agent.flows.flow_events import (
    CloseReason,
    ConnectionEpoch,
    EpochClosed,
    EpochOpened,
    FlowEvent,
    HelloSeen,
    hello_quality,
)
from capture_agent.flows.limits import SECOND_US, FlowCounters, FlowLimits, parts_of
from capture_agent.flows.stream_budget import StreamBudget
from capture_agent.wire.dtls import DtlsHelloAssembler, starts_dtls_hello
from capture_agent.wire.errors import Malformed
from capture_agent.wire.hello_message import HelloMessage
from capture_agent.wire.quic import InitialAssembler
from capture_agent.wire.quic_crypto import QuicCryptoMissingError
from capture_agent.wire.quic_packet import starts_initial
from capture_agent.wire.segment import UdpDatagram, reverse_flow_key

EVICTED_SHARE = 32
"""A full table gives up this fraction at once: finding the stalest costs a pass over the table."""
HANDSHAKE_US = 10 * SECOND_US
"""A further Initial or DTLS hello later than this is a new connection on the same ports, not a retry:
QUIC clients give a handshake up after 10 s by default (quic-go, Chromium)."""
LONG_HEADER = 0x80


class UdpFlow(msgspec.Struct):
    """A QUIC or DTLS connection, or a candidate for one: `epoch` is set once its opening is certain."""

    client_key: bytes
    opened_us: int
    last_us: int
    last_opening_us: int
    """Time of the last datagram that could open a connection."""
    transport: Transport
    tunnel: str | None
    assembler: InitialAssembler | DtlsHelloAssembler | None
    epoch: ConnectionEpoch | None = None
    datagrams: int = 0
    has_hello: bool = False


class UdpTable:
    """Bounded table of QUIC and DTLS connections. Methods append to the event list they are given."""

    def __init__(self, sensor: str, limits: FlowLimits, counters: FlowCounters) -> None:
        self.flows: dict[bytes, UdpFlow] = {}
        """Each connection under the flow keys of both its directions."""
        self._sensor = sensor
        self._limits = limits
        self._counters = counters
        self.budget: StreamBudget[UdpFlow] = StreamBudget(limits.max_buffered_bytes)
        self._is_quic_readable = True
        self._swept_us: int | None = None

    def __len__(self) -> int:
        return len(self.flows) // 2

    def feed(self, datagram: UdpDatagram, ts_us: int, events: list[FlowEvent]) -> None:
        """Take one datagram of any connection."""
        key, payload = datagram.flow_key, datagram.payload
        flow = self.flows.get(key)
        if flow is not None:
            flow.last_us = ts_us
            if key != flow.client_key or (
                flow.assembler is None and ts_us - flow.last_opening_us < HANDSHAKE_US
            ):
                return
        transport = _opening_transport(payload)
        if transport is Transport.QUIC and not self._is_quic_readable:
            self._counters.quic_unopened += 1
            return
        if flow is not None and transport is not None:
            if ts_us - flow.last_opening_us >= HANDSHAKE_US:
                self._remove(flow, ts_us, CloseReason.REOPENED, events)
                self._counters.flows_closed += 1
                flow = None
            else:
                flow.last_opening_us = ts_us
        if flow is None:
            if transport is None:
                return
            flow = self._open(datagram, transport, ts_us, events)
        self._client_datagram(flow, datagram, ts_us, events)

    def advance(self, now_us: int, events: list[FlowEvent]) -> None:
        """Close what is idle and give up hellos that take too long; cheap between two sweeps."""
        for flow in self.budget.begun_before(now_us - self._limits.hello_us):
            self._counters.streams_evicted_timeout += 1
            self._end_search(flow, now_us, events)
        if self._swept_us is not None and 0 <= now_us - self._swept_us < self._limits.sweep_us:
            return
        self._swept_us = now_us
        idle_before = now_us - self._limits.datagram_idle_us
        for flow in [flow for flow in self._connections() if flow.last_us < idle_before]:
            self._counters.flows_evicted_idle += 1
            self._remove(flow, now_us, CloseReason.IDLE, events)

    def finish(self, now_us: int) -> Iterator[list[FlowEvent]]:
        """Close every connection, because the input has ended; gives the events of some at a time."""
        for part in parts_of(self._connections()):
            events: list[FlowEvent] = []
            for flow in part:
                self._counters.flows_closed += 1
                self._remove(flow, now_us, CloseReason.END_OF_INPUT, events)
            yield events

    def _connections(self) -> list[UdpFlow]:
        return [flow for key, flow in self.flows.items() if key is flow.client_key]

    def _open(
        self, datagram: UdpDatagram, transport: Transport, ts_us: int, events: list[FlowEvent]
    ) -> UdpFlow:
        if len(self.flows) >= 2 * self._limits.max_datagram_flows:
            stalest = sorted(self._connections(), key=lambda flow: flow.last_us)
            for flow in stalest[: len(stalest) // EVICTED_SHARE + 1]:
                self._counters.flows_evicted_full += 1
                self._remove(flow, ts_us, CloseReason.TABLE_FULL, events)
        key = datagram.flow_key
        assembler = InitialAssembler() if transport is Transport.QUIC else DtlsHelloAssembler()
        flow = UdpFlow(key, ts_us, ts_us, ts_us, transport, datagram.tunnel, assembler)
        self.flows[key] = flow
        self.flows[reverse_flow_key(key)] = flow
        self._counters.flows_opened += 1
        return flow

    def _client_datagram(
        self, flow: UdpFlow, datagram: UdpDatagram, ts_us: int, events: list[FlowEvent]
    ) -> None:
        assembler = flow.assembler
        if assembler is None:
            return
        payload = datagram.payload
        if flow.transport is Transport.QUIC and not (payload and payload[0] & LONG_HEADER):
            # The client has the keys for application data: no further hello will come.
            self._end_search(flow, ts_us, events)
            return
        flow.datagrams += 1
        hello: HelloMessage | None = None
        try:
            hello = assembler.feed(payload)
        except QuicCryptoMissingError:
            self._is_quic_readable = False
            self._counters.quic_unopened += 1
            self._drop_assembler(flow)
            return
        except Malformed as error:
            self._report(flow, None, None if datagram.is_cut else error, ts_us, events)
            self._drop_assembler(flow)
            return
        if hello is not None:
            self._report(flow, hello, None, ts_us, events)
        elif flow.epoch is None and assembler.is_inside_hello:
            self._certain_epoch(flow, events)
        if assembler.is_done:
            self._end_search(flow, ts_us, events)
            return
        for victim in self.budget.note(flow, assembler.buffered_bytes, ts_us):
            self._counters.streams_evicted_bytes += 1
            self._end_search(victim, ts_us, events)

    def _certain_epoch(self, flow: UdpFlow, events: list[FlowEvent]) -> ConnectionEpoch:
        """The flow's epoch. It opens when a packet could be read with the client's keys, because the
        server's Initial packets look alike from outside."""
        if flow.epoch is None:
            flow.epoch = ConnectionEpoch.of_flow(
                self._sensor,
                flow.transport,
                flow.client_key,
                flow.opened_us,
                None,
                is_midstream=False,
                tunnel=flow.tunnel,
            )
            events.append(EpochOpened(flow.epoch))
        return flow.epoch

    def _report(
        self,
        flow: UdpFlow,
        hello: HelloMessage | None,
        malformed: Malformed | None,
        ts_us: int,
        events: list[FlowEvent],
    ) -> None:
        epoch = self._certain_epoch(flow, events)
        datagrams = flow.datagrams if hello is None else hello.datagrams
        events.append(
            HelloSeen(
                epoch=epoch,
                ts_us=ts_us,
                message=None if hello is None else hello.message,
                quality=hello_quality(hello, malformed, datagrams),
                malformed=malformed,
                segments=datagrams,
                is_second_hello=flow.has_hello if hello is None else hello.is_second,
                is_sslv2_framed=False,
                preamble=None,
                proxied=None,
                syn_ack_rtt_us=None,
                syn_to_hello_us=None,
            )
        )
        flow.has_hello = True

    def _end_search(self, flow: UdpFlow, ts_us: int, events: list[FlowEvent]) -> None:
        """Stop searching; report a hello that was begun and is not whole."""
        if flow.assembler is not None and not flow.has_hello and flow.assembler.is_inside_hello:
            self._report(flow, None, None, ts_us, events)
        self._drop_assembler(flow)

    def _drop_assembler(self, flow: UdpFlow) -> None:
        flow.assembler = None
        self.budget.forget(flow)

    def _remove(self, flow: UdpFlow, ts_us: int, reason: CloseReason, events: list[FlowEvent]) -> None:
        self._end_search(flow, ts_us, events)
        self.flows.pop(flow.client_key, None)
        self.flows.pop(reverse_flow_key(flow.client_key), None)
        if flow.epoch is not None:
            events.append(EpochClosed(flow.epoch.conn_id, ts_us, reason))


def _opening_transport(payload: bytes) -> Transport | None:
    """What a datagram could open: QUIC, DTLS, or nothing that is followed."""
    if starts_initial(payload):
        return Transport.QUIC
    if starts_dtls_hello(payload):
        return Transport.DTLS
    return None

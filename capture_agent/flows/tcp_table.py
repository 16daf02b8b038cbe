"""TCP connections: epochs from SYN to FIN, RST or silence, and the hello in each client's stream.

A SYN alone makes a half-open entry, which a flood cannot turn into anything larger; an epoch opens with
the client's next segment. A connection whose SYN was missed opens as midstream with its first payload.
Once the stream is searched to its end only the entry itself is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from capture_agent.events import Transport
from capture_agent.fingerprint.tcp_syn import SynFacts
from capture_agent.flows.cleartext_table import CleartextTable
from capture_agent.flows.client_stream import SEQ_MASK, ClientStream, GiveUp, StreamHello
from capture_agent.flows.flow_events import (
    CloseReason,
    ConnectionEpoch,
    EpochClosed,
    EpochOpened,
    FlowEvent,
    HelloSeen,
    hello_quality,
)
from capture_agent.flows.hello_search import may_start_hello
from capture_agent.flows.limits import FlowCounters, FlowLimits, parts_of
from capture_agent.flows.recent_keys import RecentKeys
from capture_agent.flows.stream_budget import StreamBudget
from capture_agent.flows.tcp_flow import HalfOpen, TcpFlow
from capture_agent.wire.segment import (
    TCP_ACK,
    TCP_FIN,
    TCP_RST,
    TCP_SYN,
    TcpSegment,
    reverse_flow_key,
)

EVICTED_SHARE = 32
"""A full table gives up this fraction at once: finding the stalest costs a pass over the table."""
_CLIENT_FIN, _SERVER_FIN = 1, 2
MAX_INTERVAL_US = 0xFFFF_FFFF
"""Longest time between two segments of an opening that is told, 71 minutes: the columns have 32 bits."""


class TcpTable:
    """Bounded table of TCP connections. `feed` and `advance` append to the event list they are given."""

    def __init__(self, sensor: str, limits: FlowLimits, counters: FlowCounters) -> None:
        self.flows: dict[bytes, TcpFlow] = {}
        """Established connections, each under the flow keys of both its directions."""
        self.half_open: dict[bytes, HalfOpen] = {}
        """By the client's flow key, oldest first."""
        self._sensor = sensor
        self._limits = limits
        self.counters = counters
        self.budget: StreamBudget[TcpFlow] = StreamBudget(limits.max_buffered_bytes)
        """The streams that hold bytes of an incomplete hello."""
        self.closed = RecentKeys()
        """Connections that ended by FIN or RST, under both keys: their strays open nothing."""
        self.cleartext = CleartextTable(limits, counters, self.register)
        """Established connections that are not in `flows` because their HTTP is read."""
        self._swept_us: int | None = None

    def __len__(self) -> int:
        return len(self.flows) // 2 + len(self.half_open) + len(self.cleartext)

    def feed(self, segment: TcpSegment, ts_us: int, events: list[FlowEvent]) -> None:
        """Take one segment of any connection."""
        key = segment.flow_key
        flags = segment.flags
        if flags & TCP_SYN and not flags & TCP_RST:
            if flags & TCP_ACK:
                self._syn_ack(segment, ts_us)
            else:
                self._syn(segment, ts_us, events)
            return
        flow = self.flows.get(key)
        if flow is None:
            flow = self.cleartext.maybe_flow(key) or self._unknown(segment, ts_us, events)
            if flow is None:
                return
            if segment.payload or segment.is_cut:
                self.cleartext.read(flow, segment, segment.seq, ts_us, events)
        flow.last_us = ts_us
        is_client = key == flow.client_key
        if segment.payload or segment.is_cut:
            if is_client:
                if flow.epoch is not None:
                    self.client_payload(flow, segment.seq, segment.payload, segment.is_cut, ts_us, events)
            elif flow.is_midstream and flow.epoch is not None and may_start_hello(segment.payload):
                self._turn_round(flow, segment, ts_us, events)
                return
        if flags & (TCP_RST | TCP_FIN):
            self.note_end(flow, flags, is_client, ts_us, events)

    def note_end(
        self, flow: TcpFlow, flags: int, is_client: bool, ts_us: int, events: list[FlowEvent]
    ) -> None:
        """Take the FIN or RST of one side, behind its payload."""
        if flags & TCP_RST:
            self._close(flow, ts_us, CloseReason.RESET, events)
            return
        flow.fins |= _CLIENT_FIN if is_client else _SERVER_FIN
        if flow.fins == _CLIENT_FIN | _SERVER_FIN:
            self._close(flow, ts_us, CloseReason.FIN, events)

    def advance(self, now_us: int, events: list[FlowEvent]) -> None:
        """Close what is idle and give up hellos that take too long; cheap between two sweeps."""
        for flow in self.budget.begun_before(now_us - self._limits.hello_us):
            self.counters.streams_evicted_timeout += 1
            self.end_stream(flow, now_us, events)
        if self._swept_us is not None and 0 <= now_us - self._swept_us < self._limits.sweep_us:
            return
        self._swept_us = now_us
        idle_before = now_us - self._limits.idle_us
        idle = [flow for flow in self._established() if flow.last_us < idle_before]
        for flow in idle:
            self.counters.flows_evicted_idle += 1
            self._remove(flow, now_us, CloseReason.IDLE, events)
        stale_before = now_us - self._limits.half_open_us
        stale = [key for key, half in self.half_open.items() if half.opened_us < stale_before]
        for key in stale:
            del self.half_open[key]
        self.counters.flows_evicted_idle += len(stale)
        self.closed.rotate()

    def finish(self, now_us: int) -> Iterator[list[FlowEvent]]:
        """Close every connection, because the input has ended; gives the events of some at a time."""
        for part in parts_of(self._established()):
            events: list[FlowEvent] = []
            for flow in part:
                self._close(flow, now_us, CloseReason.END_OF_INPUT, events)
            yield events
        self.counters.flows_closed += len(self.half_open)
        self.half_open.clear()

    def establish(self, key: bytes, half: HalfOpen, ts_us: int, events: list[FlowEvent]) -> TcpFlow:
        """Turn the half-open entry of the client's `key` into an open epoch."""
        del self.half_open[key]
        epoch = self._epoch(key, half.opened_us, half.syn, half.tunnel, is_midstream=False)
        return self._open(key, epoch, half.isn, ts_us, events)

    def give_up(self, client_key: bytes, ts_us: int, events: list[FlowEvent]) -> None:
        """Drop a connection for want of room elsewhere; who has none counts it."""
        flow = self.flows.get(client_key) or self.cleartext.maybe_flow(client_key)
        if flow is not None:
            self._remove(flow, ts_us, CloseReason.TABLE_FULL, events)

    def register(self, flow: TcpFlow) -> None:
        """Find the connection by its flow keys from now on."""
        self.flows[flow.client_key] = flow
        self.flows[flow.server_key] = flow

    def _established(self) -> list[TcpFlow]:
        flows = [flow for key, flow in self.flows.items() if key is flow.client_key]
        return flows + self.cleartext.entries()

    def stream_of(self, flow: TcpFlow) -> ClientStream | None:
        """The client's stream, begun if it was not; None if it is searched to its end."""
        if flow.stream is None and flow.epoch is not None:
            flow.stream = ClientStream(None if flow.isn is None else (flow.isn + 1) & SEQ_MASK)
        return flow.stream

    def _note_buffered(self, flow: TcpFlow, held: int, ts_us: int, events: list[FlowEvent]) -> None:
        """Book the bytes that `flow` holds now; the streams begun first may have to give way."""
        for victim in self.budget.note(flow, held, ts_us):
            self.counters.streams_evicted_bytes += 1
            self.end_stream(victim, ts_us, events)

    def _syn(self, segment: TcpSegment, ts_us: int, events: list[FlowEvent]) -> None:
        key, isn = segment.flow_key, segment.seq
        syn = SynFacts(
            ttl=segment.ttl,
            window=segment.window,
            options_field=segment.options,
            ip_df=segment.ip_df,
            ip_id=segment.ip_id,
            has_payload=bool(segment.payload),
            flags=segment.flags,
            seq=isn,
            ack=segment.ack,
        )
        half = self.note_syn(key, isn, syn, segment.tunnel, ts_us, events)
        if half is not None and segment.payload:
            flow = self.establish(key, half, ts_us, events)
            first = (isn + 1) & SEQ_MASK
            self.cleartext.read(flow, segment, first, ts_us, events)
            self.client_payload(flow, first, segment.payload, segment.is_cut, ts_us, events)

    def note_syn(
        self, key: bytes, isn: int, syn: SynFacts, tunnel: str | None, ts_us: int, events: list[FlowEvent]
    ) -> HalfOpen | None:
        """Take a client's SYN; its entry, or None if it is a repetition."""
        flow = self.flows.get(key) or self.cleartext.maybe_flow(key)
        if flow is not None:
            if flow.isn == isn and key == flow.client_key:
                return None
            self._close(flow, ts_us, CloseReason.REOPENED, events)
        waiting = self.half_open.get(key)
        if waiting is not None:
            if waiting.isn == isn:
                return None
            self.counters.flows_closed += 1
            del self.half_open[key]
        elif len(self.half_open) >= self._limits.max_half_open:
            self._evict_half_open()
        half = self.half_open[key] = HalfOpen(ts_us, isn, syn, tunnel)
        self.counters.flows_opened += 1
        return half

    def _syn_ack(self, segment: TcpSegment, ts_us: int) -> None:
        client_key = reverse_flow_key(segment.flow_key)
        if self.note_syn_ack(client_key, ts_us) or self.cleartext.maybe_flow(client_key) is not None:
            return
        if client_key not in self.flows:
            # The SYN was lost on the way to us; its answer still says who the client is and where its
            # stream starts, so this is a complete connection without SYN facts.
            if len(self.half_open) >= self._limits.max_half_open:
                self._evict_half_open()
            isn = (segment.ack - 1) & SEQ_MASK
            self.half_open[client_key] = HalfOpen(ts_us, isn, None, segment.tunnel, ts_us)
            self.counters.flows_opened += 1

    def note_syn_ack(self, client_key: bytes, ts_us: int) -> bool:
        """Take the answer to a SYN; False if none waits for it."""
        half = self.half_open.get(client_key)
        if half is None:
            return False
        if half.syn_ack_us is None:
            half.syn_ack_us = ts_us
        return True

    def _unknown(self, segment: TcpSegment, ts_us: int, events: list[FlowEvent]) -> TcpFlow | None:
        """The flow of a segment that has none yet, if it opens one."""
        key = segment.flow_key
        half = self.half_open.get(key)
        if half is not None:
            if segment.flags & TCP_RST:
                self.counters.flows_closed += 1
                del self.half_open[key]
                return None
            flow = self.establish(key, half, ts_us, events)
            if half.syn_ack_us is not None:
                flow.syn_ack_rtt_us = maybe_interval(half.syn_ack_us, ts_us)
            return flow
        client_key = reverse_flow_key(key)
        half = self.half_open.get(client_key)
        if half is not None:
            if segment.flags & TCP_RST:
                self.counters.flows_closed += 1
                del self.half_open[client_key]
                return None
            return self.establish(client_key, half, ts_us, events) if segment.payload else None
        has_payload = bool(segment.payload) or segment.is_cut
        if not has_payload or segment.flags & (TCP_RST | TCP_FIN) or key in self.closed:
            return None
        is_from_client = may_start_hello(segment.payload) or key[-4:-2] > key[-2:]
        return self._join_midstream(key if is_from_client else client_key, segment.tunnel, ts_us, events)

    def _join_midstream(
        self, client_key: bytes, tunnel: str | None, ts_us: int, events: list[FlowEvent]
    ) -> TcpFlow:
        """Open an epoch for a connection older than the capture; the lower port is taken for the server's."""
        self.counters.flows_opened += 1
        epoch = self._epoch(client_key, ts_us, None, tunnel, is_midstream=True)
        return self._open(client_key, epoch, None, ts_us, events)

    def _epoch(
        self, key: bytes, opened_us: int, syn: SynFacts | None, tunnel: str | None, *, is_midstream: bool
    ) -> ConnectionEpoch:
        return ConnectionEpoch.of_flow(
            self._sensor, Transport.TCP, key, opened_us, syn, is_midstream=is_midstream, tunnel=tunnel
        )

    def _open(
        self,
        client_key: bytes,
        epoch: ConnectionEpoch,
        isn: int | None,
        ts_us: int,
        events: list[FlowEvent],
    ) -> TcpFlow:
        if len(self.flows) >= 2 * self._limits.max_flows:
            self._evict_flows(ts_us, events)
        server_key = reverse_flow_key(client_key)
        flow = TcpFlow(client_key, server_key, epoch.conn_id, ts_us, isn, epoch.is_midstream)
        flow.epoch = epoch
        is_read = self.cleartext.maybe_begin(flow, epoch)
        if not is_read:
            self.register(flow)
        events.append(EpochOpened(epoch, is_read))
        return flow

    def _turn_round(self, flow: TcpFlow, segment: TcpSegment, ts_us: int, events: list[FlowEvent]) -> None:
        """A midstream connection's hello comes from the side taken for the server: open it afresh."""
        self._close(flow, ts_us, CloseReason.REOPENED, events)
        turned = self._join_midstream(segment.flow_key, segment.tunnel, ts_us, events)
        self.client_payload(turned, segment.seq, segment.payload, segment.is_cut, ts_us, events)

    def client_payload(
        self, flow: TcpFlow, seq: int, payload: bytes, is_cut: bool, ts_us: int, events: list[FlowEvent]
    ) -> None:
        """Take the next bytes that the client sent, in whatever order they come."""
        stream = self.stream_of(flow)
        if stream is None:
            return
        hellos = stream.receive(seq, payload, is_cut)
        if hellos:
            events.extend(_hello_seen(flow, found, ts_us) for found in hellos)
        if flow.isn is None:
            flow.isn = stream.initial_seq
        if stream.is_done:
            if stream.gave_up is GiveUp.BYTES:
                self.counters.streams_evicted_bytes += 1
            elif stream.gave_up is GiveUp.SEGMENTS:
                self.counters.streams_evicted_segments += 1
            self.end_stream(flow, ts_us, events)
            return
        self._note_buffered(flow, stream.buffered_bytes, ts_us, events)

    def end_stream(self, flow: TcpFlow, ts_us: int, events: list[FlowEvent]) -> None:
        """Stop searching; report a hello that was begun and is not whole."""
        stream = flow.stream
        if stream is not None:
            self.budget.forget(flow)
            if stream.search.is_hello_begun:
                events.append(_hello_seen(flow, StreamHello(None, None, stream.hello_segments), ts_us))
        flow.stream = None
        flow.epoch = None

    def _close(self, flow: TcpFlow, ts_us: int, reason: CloseReason, events: list[FlowEvent]) -> None:
        self.counters.flows_closed += 1
        self._remove(flow, ts_us, reason, events)
        if reason in (CloseReason.FIN, CloseReason.RESET):
            self.closed.add(flow.client_key)
            self.closed.add(flow.server_key)

    def _remove(self, flow: TcpFlow, ts_us: int, reason: CloseReason, events: list[FlowEvent]) -> None:
        self.end_stream(flow, ts_us, events)
        self.cleartext.end(flow, ts_us, events)
        self.flows.pop(flow.client_key, None)
        self.flows.pop(flow.server_key, None)
        events.append(EpochClosed(flow.conn_id, ts_us, reason))

    def _evict_flows(self, ts_us: int, events: list[FlowEvent]) -> None:
        """Give up the stalest connections."""
        flows = [flow for key, flow in self.flows.items() if key is flow.client_key]
        wanted = len(flows) // EVICTED_SHARE + 1
        limit_us = sorted([flow.last_us for flow in flows])[wanted - 1]
        for flow in islice((flow for flow in flows if flow.last_us <= limit_us), wanted):
            self.counters.flows_evicted_full += 1
            self._remove(flow, ts_us, CloseReason.TABLE_FULL, events)

    def _evict_half_open(self) -> None:
        """Give up the oldest SYNs, several at once: finding the first key of a worn dict is not free."""
        oldest = list(islice(self.half_open, len(self.half_open) // EVICTED_SHARE + 1))
        for key in oldest:
            del self.half_open[key]
        self.counters.flows_evicted_full += len(oldest)


def maybe_interval(from_us: int, to_us: int) -> int | None:
    """Microseconds between two segments; None if the capture's clock went back between them, or too many."""
    interval_us = to_us - from_us
    return interval_us if 0 <= interval_us <= MAX_INTERVAL_US else None


def _hello_seen(flow: TcpFlow, found: StreamHello, ts_us: int) -> HelloSeen:
    epoch = flow.epoch
    stream = flow.stream
    if epoch is None or stream is None:
        raise ValueError("a hello belongs to a connection that is still searched")
    hello = found.hello
    return HelloSeen(
        epoch=epoch,
        ts_us=ts_us,
        message=None if hello is None else hello.message,
        quality=hello_quality(hello, found.malformed, found.segments),
        malformed=found.malformed,
        segments=found.segments,
        is_second_hello=stream.search.has_hello if hello is None else hello.is_second,
        is_sslv2_framed=hello is not None and hello.is_sslv2_framed,
        preamble=stream.search.preamble,
        proxied=stream.search.proxied,
        syn_ack_rtt_us=flow.syn_ack_rtt_us,
        syn_to_hello_us=None if epoch.syn is None else maybe_interval(epoch.opened_us, ts_us),
    )

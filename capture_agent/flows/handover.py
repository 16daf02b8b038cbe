"""Moves a connection between the flow table and a faster path that holds the ordinary ones.

The faster path keeps a connection only while nothing about it is out of the ordinary. At the first thing
that is, it hands over all it took so far, and the table goes on as if it had seen every segment itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from capture_agent.fingerprint.tcp_syn import SynFacts
from capture_agent.flows.client_stream import SEQ_MASK
from capture_agent.flows.flow_events import EpochOpened, FlowEvent
from capture_agent.flows.tcp_flow import HalfOpen
from capture_agent.flows.tcp_table import TcpTable
from capture_agent.wire.segment import reverse_flow_key


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A connection as the faster path knew it: its SYN, and the client's bytes so far, in order."""

    client_key: bytes
    opened_us: int
    isn: int
    syn: SynFacts
    syn_ack_us: int | None
    is_established: bool
    syn_ack_rtt_us: int | None
    client_chunks: Sequence[bytes]
    """Payloads of the client's segments behind the hello if there was one, retransmissions left out."""
    begun_us: int
    """Arrival of the first chunk; without one not read."""
    last_us: int
    fins: int
    """Bits of the sides that sent FIN, as in `TcpFlow.fins`."""
    hello_bytes: int
    """Stream bytes of the hello that was reported; 0 if none was."""
    hello_start: bytes
    """Its version and random."""
    announces_early_data: bool


def adopt(table: TcpTable, given: HandedOver, events: list[FlowEvent]) -> None:
    """Take the connection over; a hello that the giver reported is not reported again.

    What makes room for it is appended to `events`.
    """
    half = HalfOpen(given.opened_us, given.isn, given.syn, None, given.syn_ack_us)
    table.half_open[given.client_key] = half
    if not given.is_established:
        return
    reported: list[FlowEvent] = []
    flow = table.establish(given.client_key, half, given.last_us, reported)
    events += [event for event in reported if not isinstance(event, EpochOpened)]
    flow.syn_ack_rtt_us = given.syn_ack_rtt_us
    flow.fins = given.fins
    if given.hello_bytes or given.client_chunks:
        table.cleartext.stop_reading(flow)
    stream = table.stream_of(flow)
    if stream is None:
        return
    if given.hello_bytes:
        stream.resume_behind_hello(given.hello_bytes, given.hello_start, given.announces_early_data)
    seq = given.isn + 1 + given.hello_bytes
    for chunk in given.client_chunks:
        stream.receive(seq & SEQ_MASK, chunk, is_cut=False)
        seq += len(chunk)
    for victim in table.budget.note(flow, stream.buffered_bytes, given.begun_us):
        table.end_stream(victim, given.last_us, events)


def stop_waiting(table: TcpTable, key: bytes, now_us: int, events: list[FlowEvent]) -> None:
    """Give up the rest of a begun hello, for want of room, but keep the connection."""
    flow = table.flows.get(key)
    if flow is not None and flow.epoch is not None:
        table.counters.streams_evicted_bytes += 1
        table.end_stream(flow, now_us, events)


def remember_closed(table: TcpTable, key: bytes, is_recent: bool) -> None:
    """Tell of a connection that closed since the last sweep (`is_recent`) or the one before."""
    for side in (key, reverse_flow_key(key)):
        if is_recent:
            table.closed.add(side)
        else:
            table.closed.add_old(side)


def maybe_release(table: TcpTable, key: bytes) -> tuple[bytes, int | None, int, int] | None:
    """Let go of a connection whose stream is searched to its end: key, initial number, FINs, last time.

    None if the table still needs the connection, or does not hold it.
    """
    flow = table.flows.get(key)
    if flow is None or flow.epoch is not None:
        return None
    if table.half_open and (key in table.half_open or reverse_flow_key(key) in table.half_open):
        # A contradictory opening on the same ports, which only the table can follow.
        return None
    del table.flows[flow.client_key]
    # Gone already if source and destination are the same, as forged packets have it.
    table.flows.pop(reverse_flow_key(flow.client_key), None)
    return flow.client_key, flow.isn, flow.fins, flow.last_us

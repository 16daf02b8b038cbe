"""Bounds of the flow table and the counters of what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

FlowT = TypeVar("FlowT")

SECOND_US = 1_000_000
PART_FLOWS = 1024
"""Connections that end together when the input does: what they give is handed on before the next ones end."""


@dataclass(frozen=True, slots=True)
class FlowLimits:
    """How much the flow table may hold, and for how long."""

    max_flows: int = 131_072
    """Established TCP connections; the stalest give way. A connection whose hello was found takes 0.4 kB."""
    max_half_open: int = 131_072
    """SYNs not yet followed by anything of the client; the oldest give way. One takes 0.4 kB."""
    max_datagram_flows: int = 32_768
    """QUIC and DTLS connections; the stalest give way."""
    max_buffered_bytes: int = 32 << 20
    """Bytes held for incomplete hellos over all streams; the stream begun first gives way."""
    half_open_us: int = 30 * SECOND_US
    """A SYN is forgotten after this. Linux repeats it after 1, 3, 7 and 15 s, so an answer comes within."""
    hello_us: int = 30 * SECOND_US
    """A hello not whole after this is truncated; Apache's RequestReadTimeout gives the handshake 20 s."""
    idle_us: int = 300 * SECOND_US
    """A connection without a segment for this long is closed. Too short, and a kept-alive connection that
    speaks again becomes a second, midstream epoch; too long, and connections whose end was missed fill the
    table. Browsers and servers end idle HTTP connections after 5 to 180 s."""
    datagram_idle_us: int = 60 * SECOND_US
    """As `idle_us` for QUIC and DTLS, which show no end; RFC 9308 section 3.2 calls 30 s usual."""
    cleartext_ports: frozenset[int] = frozenset()
    """Server ports on which cleartext HTTP is read; none reads none."""
    max_cleartext_flows: int = 16_384
    """Connections on these ports that are read at once; those that open later are not."""
    max_cleartext_bytes: int = 32 << 20
    """Bytes held of heads, and of requests that wait for their response, over all connections; the one that
    began to hold first is not read any further."""
    sweep_us: int = 10 * SECOND_US
    """How often idle connections are looked for; closing may be late by this much."""


@dataclass(slots=True)
class FlowCounters:
    """What happened to flows and streams since the start. `opened = closed + evicted + held` for flows."""

    flows_opened: int = 0
    """SYNs, connections joined midstream, QUIC and DTLS connections."""
    flows_closed: int = 0
    """Ended by FIN, RST, a newer SYN or the end of the input."""
    flows_evicted_idle: int = 0
    flows_evicted_full: int = 0
    streams_evicted_bytes: int = 0
    """Streams given up because a byte limit, their own or the common one, was reached."""
    streams_evicted_segments: int = 0
    streams_evicted_timeout: int = 0
    """Hellos begun and not finished in time."""
    quic_unopened: int = 0
    """QUIC Initial packets left alone because the package `cryptography` is not installed."""
    cleartext_requests_read: int = 0
    """This and the next five as in `events.LedgerCounters`."""
    cleartext_requests_unanswered: int = 0
    cleartext_heads_malformed: int = 0
    cleartext_heads_oversize: int = 0
    cleartext_streams_gap: int = 0
    cleartext_streams_evicted_full: int = 0


def parts_of(flows: list[FlowT]) -> Iterator[list[FlowT]]:
    """`flows` in lists of PART_FLOWS."""
    for start in range(0, len(flows), PART_FLOWS):
        yield flows[start : start + PART_FLOWS]

"""What the TCP table holds of one connection, before and after its opening."""

from __future__ import annotations

import msgspec

from capture_agent.fingerprint.tcp_syn import SynFacts
from capture_agent.flows.client_stream import ClientStream
from capture_agent.flows.flow_events import ConnectionEpoch


class HalfOpen(msgspec.Struct, gc=False):
    """A SYN that waits for the client's next segment; msgspec for its size, as all entries here."""

    opened_us: int
    isn: int | None
    """Initial sequence number; None if only the SYN-ACK was seen and named none."""
    syn: SynFacts | None
    tunnel: str | None
    syn_ack_us: int | None = None


class ReportedHello(msgspec.Struct, frozen=True, gc=False):
    """What tells a second hello from other data behind the first; see ClientHelloReader."""

    size: int
    """Bytes of the stream that were the hello."""
    start: bytes
    """Its version and random."""
    announces_early_data: bool


class TcpFlow(msgspec.Struct, gc=False):
    """An established connection.

    `epoch` is dropped when the client's stream is searched to its end: None means that nothing more is
    expected. `stream` is there from the client's first byte until then.
    """

    client_key: bytes
    server_key: bytes
    conn_id: int
    last_us: int
    isn: int | None
    is_midstream: bool
    fins: int = 0
    stream: ClientStream | None = None
    plain: bytes | ReportedHello | None = None
    """What QuickTcpTable holds of an ordinary stream, which then has no `stream`: the first part of the
    hello's record, or what was reported."""
    epoch: ConnectionEpoch | None = None
    syn_ack_rtt_us: int | None = None

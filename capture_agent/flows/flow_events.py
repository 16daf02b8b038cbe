"""What the flow table tells: a connection began, a ClientHello was found in it, it ended.

msgspec structs and not dataclasses: several are made for each connection, at a tenth of the cost.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Self

import msgspec

from capture_agent.events import Quality, Transport
from capture_agent.fingerprint.tcp_syn import SynFacts
from capture_agent.wire.address import ADDRESS_BYTES, MAPPED_PREFIX
from capture_agent.wire.errors import Malformed
from capture_agent.wire.hello_message import HelloMessage
from capture_agent.wire.proxy_protocol import ProxiedAddresses

_64_BITS = 0xFFFF_FFFF_FFFF_FFFF
_IPV4_KEY_BYTES = 12


class CloseReason(StrEnum):
    """Why a connection epoch ended."""

    FIN = "fin"
    """Both sides sent FIN."""
    RESET = "reset"
    IDLE = "idle"
    """No segment for the idle timeout."""
    REOPENED = "reopened"
    """A SYN with another initial sequence number came on the same addresses and ports."""
    TABLE_FULL = "table_full"
    """Made way for a newer connection."""
    END_OF_INPUT = "end_of_input"


class ConnectionEpoch(msgspec.Struct, frozen=True, gc=False):
    """One life of a 5-tuple, from its opening to its end. `src` is the client."""

    conn_id: int
    """64 bits, equal for the same capture read again; see `connection_id`."""
    transport: Transport
    src: bytes
    """Sixteen bytes; IPv4 is mapped."""
    src_port: int
    dst: bytes
    dst_port: int
    opened_us: int
    """Time of the SYN or the first datagram; of the first segment seen if `is_midstream`."""
    syn: SynFacts | None
    """None if the SYN was not captured, and for UDP."""
    is_midstream: bool
    """The capture began after the connection did, so its hello may have been missed."""
    tunnel: str | None

    @classmethod
    def of_flow(
        cls,
        sensor: str,
        transport: Transport,
        flow_key: bytes,
        opened_us: int,
        syn: SynFacts | None,
        *,
        is_midstream: bool,
        tunnel: str | None,
    ) -> Self:
        """The epoch of the flow whose client's flow key is `flow_key`."""
        src, dst, ports = _ends(flow_key)
        return cls(
            _connection_id(sensor, transport, src + dst + ports, opened_us),
            transport,
            src,
            ports[0] << 8 | ports[1],
            dst,
            ports[2] << 8 | ports[3],
            opened_us,
            syn,
            is_midstream,
            tunnel,
        )


class EpochOpened(msgspec.Struct, frozen=True):
    """A client completed its side of the opening, or a connection was joined in its middle."""

    epoch: ConnectionEpoch
    is_read: bool = False
    """Its cleartext requests are read as long as no HttpReadingEnded says otherwise."""


class HelloSeen(msgspec.Struct, frozen=True):
    """A ClientHello, or what was left of one.

    `message` is whole when `quality` is COMPLETE or REASSEMBLED, the bytes that broke the grammar are
    gone when it is MALFORMED (`malformed` says where), and None when it is TRUNCATED.
    """

    epoch: ConnectionEpoch
    ts_us: int
    """Arrival of the segment or datagram that completed it, or that ended the wait for it."""
    message: bytes | None
    quality: Quality
    malformed: Malformed | None
    segments: int
    """TCP segments or UDP datagrams that brought bytes of it."""
    is_second_hello: bool
    is_sslv2_framed: bool
    preamble: str | None
    proxied: ProxiedAddresses | None
    syn_ack_rtt_us: int | None
    """SYN-ACK to the client's next segment."""
    syn_to_hello_us: int | None


class HttpExchange(msgspec.Struct, frozen=True):
    """A cleartext request, and what was seen of its response. Bytes are as they were sent."""

    epoch: ConnectionEpoch
    ts_us: int
    """Arrival of the first bytes of the request's head."""
    ended_us: int
    """Arrival of the last of the response; of what ended the wait for it if there was none."""
    number: int
    """Of the request on its connection, from 1."""
    method: bytes
    scheme: bytes | None
    """As HTTP/2 names it; None in HTTP/1."""
    target: bytes
    version: bytes
    """`HTTP/1.1`, `HTTP/2.0`."""
    authority: bytes | None
    """As HTTP/2 names it; None in HTTP/1."""
    fields: tuple[tuple[bytes, bytes], ...]
    """Names and values in wire order; of HTTP/2 without the pseudo-headers."""
    status: int
    """0 if no response was seen."""
    request_bytes: int | None
    """Head and body so far; None for HTTP/2, whose heads are compressed together."""
    response_bytes: int
    """Body so far as it was sent, chunk sizes and frame headers included."""
    stream: int | None
    """HTTP/2 stream."""
    h2_fingerprint: str | None


class HttpReadingEnded(msgspec.Struct, frozen=True):
    """No more requests are read of a connection whose EpochOpened said that they would be."""

    conn_id: int
    requests: int
    """How many were read: each was or is reported by an HttpExchange."""


class EpochClosed(msgspec.Struct, frozen=True):
    """The end of an epoch that an EpochOpened began."""

    conn_id: int
    ts_us: int
    reason: CloseReason


def hello_quality(hello: HelloMessage | None, malformed: Malformed | None, segments: int) -> Quality:
    """Quality of what a reader gave: a hello from `segments` segments or datagrams, an error, or nothing."""
    if hello is None:
        return Quality.TRUNCATED if malformed is None else Quality.MALFORMED
    return Quality.COMPLETE if segments == 1 and hello.records == 1 else Quality.REASSEMBLED


FlowEvent = EpochOpened | HelloSeen | HttpExchange | HttpReadingEnded | EpochClosed


def connection_id(sensor: str, transport: Transport, flow_key: bytes, opened_us: int) -> int:
    """64-bit id of a connection epoch: blake2b over sensor, transport, client's flow key and opening time.

    A hash and not a counter, so that a capture read twice gives the same rows. Among 10^8 epochs kept,
    two share an id with a probability of 3 in 10,000; addresses and time stand beside it in every row.
    """
    return _connection_id(sensor, transport, b"".join(_ends(flow_key)), opened_us)


def _connection_id(sensor: str, transport: Transport, ends: bytes, opened_us: int) -> int:
    name = _name_start(sensor, transport) + ends + (opened_us & _64_BITS).to_bytes(8, "big")
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big")


def _ends(flow_key: bytes) -> tuple[bytes, bytes, bytes]:
    """Source and destination address of sixteen bytes each, both ports."""
    if len(flow_key) == _IPV4_KEY_BYTES:
        return MAPPED_PREFIX + flow_key[:4], MAPPED_PREFIX + flow_key[4:8], flow_key[8:]
    return (
        flow_key[:ADDRESS_BYTES],
        flow_key[ADDRESS_BYTES : 2 * ADDRESS_BYTES],
        flow_key[2 * ADDRESS_BYTES :],
    )


@lru_cache(maxsize=16)
def _name_start(sensor: str, transport: Transport) -> bytes:
    return sensor.encode() + b"\0" + transport.value.encode() + b"\0"

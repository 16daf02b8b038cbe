"""What the flow table tells: a connection began, a ClientHello was found in it, it ended.

msgspec structs and not dataclasses: several are made for each connection, at a tenth of the cost.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from typing import Self

import msgspec

from capture_agent.events import Quality, Transport
from capture_agent.fingerprint.tcp_syn import SynFacts
from capture_agent.wire.address import mapped
from capture_agent.wire.errors import Malformed
from capture_agent.wire.hello_message import HelloMessage
from capture_agent.wire.proxy_protocol import ProxiedAddresses

_64_BITS = 0xFFFF_FFFF_FFFF_FFFF


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
        address_bytes = (len(flow_key) - 4) // 2
        return cls(
            conn_id=connection_id(sensor, transport, flow_key, opened_us),
            transport=transport,
            src=mapped(flow_key[:address_bytes]),
            src_port=int.from_bytes(flow_key[-4:-2], "big"),
            dst=mapped(flow_key[address_bytes:-4]),
            dst_port=int.from_bytes(flow_key[-2:], "big"),
            opened_us=opened_us,
            syn=syn,
            is_midstream=is_midstream,
            tunnel=tunnel,
        )


class EpochOpened(msgspec.Struct, frozen=True):
    """A client completed its side of the opening, or a connection was joined in its middle."""

    epoch: ConnectionEpoch


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


FlowEvent = EpochOpened | HelloSeen | EpochClosed


def connection_id(sensor: str, transport: Transport, flow_key: bytes, opened_us: int) -> int:
    """64-bit id of a connection epoch: blake2b over sensor, transport, client's flow key and opening time.

    A hash and not a counter, so that a capture read twice gives the same rows. Among 10^8 epochs kept,
    two share an id with a probability of 3 in 10,000; addresses and time stand beside it in every row.
    """
    address_bytes = (len(flow_key) - 4) // 2
    name = b"".join(
        (
            sensor.encode(),
            b"\0",
            transport.value.encode(),
            b"\0",
            mapped(flow_key[:address_bytes]),
            mapped(flow_key[address_bytes:-4]),
            flow_key[-4:],
            (opened_us & _64_BITS).to_bytes(8, "big"),
        )
    )
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big")

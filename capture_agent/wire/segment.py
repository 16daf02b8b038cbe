"""What is left of a frame when link layer, tunnels and IP are taken off: a TCP segment or a UDP datagram."""

from __future__ import annotations

import msgspec

from capture_agent.wire.address import mapped

TCP_FIN, TCP_SYN, TCP_RST, TCP_PSH, TCP_ACK = 0x01, 0x02, 0x04, 0x08, 0x10


def reverse_flow_key(flow_key: bytes) -> bytes:
    """The key of the opposite direction."""
    size = (len(flow_key) - 4) // 2
    return flow_key[size : 2 * size] + flow_key[:size] + flow_key[-2:] + flow_key[-4:-2]


class TcpSegment(msgspec.Struct, frozen=True, gc=False):
    """One TCP segment. A msgspec struct and not a dataclass: made per frame, it costs a tenth."""

    flow_key: bytes
    """Source and destination address (4 or 16 bytes each) and ports, in wire order: 12 or 36 bytes."""
    seq: int
    ack: int
    flags: int
    window: int
    options: bytes
    """The options field as sent, padding included (RFC 9293 section 3.1)."""
    payload: bytes
    """Captured payload, without link-layer padding."""
    ttl: int
    """TTL or hop limit as captured."""
    ip_df: bool | None
    """Don't-fragment bit; None for IPv6, which has none."""
    ip_id: int | None
    """Identification of the IPv4 header; None for IPv6."""
    tunnel: str | None
    """Outermost encapsulation that was removed, as in `TlsHello.tunnel`."""
    is_cut: bool
    """The capture holds less of the packet than was on the wire; `payload` ends early."""

    @property
    def src(self) -> bytes:
        """Source address, sixteen bytes."""
        return mapped(self.flow_key[: (len(self.flow_key) - 4) // 2])

    @property
    def dst(self) -> bytes:
        """Destination address, sixteen bytes."""
        return mapped(self.flow_key[(len(self.flow_key) - 4) // 2 : -4])

    @property
    def src_port(self) -> int:
        """Source port."""
        return int.from_bytes(self.flow_key[-4:-2], "big")

    @property
    def dst_port(self) -> int:
        """Destination port."""
        return int.from_bytes(self.flow_key[-2:], "big")


class UdpDatagram(msgspec.Struct, frozen=True, gc=False):
    """One UDP datagram, or what generic segmentation offload shows as one."""

    flow_key: bytes
    """As in TcpSegment."""
    payload: bytes
    tunnel: str | None
    is_cut: bool


Segment = TcpSegment | UdpDatagram

"""Frames to TCP segments and UDP datagrams: link layer, tunnels, IPv4 and IPv6, fragments.

Checksums are never verified: with checksum offload the captured ones of one's own packets are wrong.
Lengths are taken from the IP header, so link-layer padding is not payload; a zero length (segmentation
offload, RFC 2675 jumbograms) means all that was captured. Sources: RFC 791, RFC 8200, RFC 9293, RFC 768.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from capture_agent.wire import link, tunnel
from capture_agent.wire.errors import Malformed
from capture_agent.wire.frame import Frame
from capture_agent.wire.ip_fragments import FragmentBuffer
from capture_agent.wire.segment import Segment, TcpSegment, UdpDatagram

if TYPE_CHECKING:
    from mmap import mmap

IP_PROTOCOL_IPV4, IP_PROTOCOL_TCP, IP_PROTOCOL_UDP, IP_PROTOCOL_IPV6, IP_PROTOCOL_GRE = 4, 6, 17, 41, 47
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY, HIP, SHIM6 = (
    0,
    43,
    44,
    51,
    60,
    135,
    139,
    140,
)
SKIPPED_EXTENSION_HEADERS = frozenset({HOP_BY_HOP, ROUTING, DESTINATION, MOBILITY, HIP, SHIM6})
MAX_EXTENSION_HEADERS = 16
"""RFC 8200 names each at most once, destination options twice; more is an attack on the parser."""

_ipv4_header = Struct(">BxHHHBB2x4s4s")
_ipv6_header = Struct(">4xHBB16s16s")
_tcp_header = Struct(">4sIIBBH")
_udp_header = Struct(">4sH")
_u16 = Struct(">H")
_fragment_header = Struct(">BxH4s")


class _Network:
    """The IP facts that a transport header needs; mutable while headers are walked."""

    __slots__ = ("addresses", "end", "ip_df", "ip_id", "is_cut", "offset", "protocol", "ttl", "tunnel")

    def __init__(self, tunnel_name: str | None) -> None:
        self.tunnel = tunnel_name
        self.addresses = b""
        self.protocol = 0
        self.ttl = 0
        self.ip_df: bool | None = None
        self.ip_id: int | None = None
        self.offset = 0
        self.end = 0
        self.is_cut = False


class PacketDecoder:
    """Takes frames apart; its only state is the store of IP fragments."""

    def __init__(self) -> None:
        self.fragments = FragmentBuffer()

    def decode(self, frame: Frame) -> Segment | None:
        """The segment or datagram in `frame`; None if it carries neither or waits for more fragments.

        Raises Malformed, with an offset in the frame, if a header contradicts itself or is cut short.
        """
        buffer, end = frame.buffer, frame.offset + frame.length
        try:
            ethertype, offset = link.LINK_LAYERS[frame.link_type](buffer, frame.offset, end)
            return self._network(buffer, ethertype, offset, end, frame.ts_us, None, 0)
        except Malformed as error:
            raise Malformed(error.reason, max(error.offset - frame.offset, 0)) from None

    def _network(
        self,
        buffer: bytes | mmap,
        ethertype: int,
        offset: int,
        end: int,
        ts_us: int,
        tunnel_name: str | None,
        depth: int,
    ) -> Segment | None:
        while True:
            network = _Network(tunnel_name)
            if ethertype == link.ETHERTYPE_IPV4:
                whole = self._ipv4(network, buffer, offset, end, ts_us)
            elif ethertype == link.ETHERTYPE_IPV6:
                whole = self._ipv6(network, buffer, offset, end, ts_us)
            else:
                return None
            if whole is None:
                return None
            buffer = whole
            protocol = network.protocol
            if protocol == IP_PROTOCOL_TCP:
                return _tcp(network, buffer)
            if protocol == IP_PROTOCOL_UDP:
                datagram, inner = _udp(network, buffer)
                if inner is None:
                    return datagram
            elif protocol == IP_PROTOCOL_GRE:
                inner = tunnel.gre(buffer, network.offset, network.end)
            elif protocol == IP_PROTOCOL_IPV4:
                inner = tunnel.Inner("ipip", link.ETHERTYPE_IPV4, network.offset)
            elif protocol == IP_PROTOCOL_IPV6:
                name = "6in4" if len(network.addresses) == 8 else "ipip"
                inner = tunnel.Inner(name, link.ETHERTYPE_IPV6, network.offset)
            else:
                return None
            depth += 1
            if inner is None or depth > tunnel.MAX_DEPTH:
                return None
            tunnel_name = tunnel_name or inner.name
            ethertype, offset, end = inner.ethertype, inner.offset, network.end
            if offset > end:
                raise Malformed("tunnel header cut short", network.offset)
            if ethertype == link.ETHERTYPE_TEB:
                ethertype, offset = link.ethernet(buffer, offset, end)
            else:
                ethertype, offset = link.ethertype_payload(buffer, ethertype, offset, end)

    def _ipv4(
        self, network: _Network, buffer: bytes | mmap, offset: int, end: int, ts_us: int
    ) -> bytes | mmap | None:
        """Fill `network` from the IPv4 header; return the buffer that holds the payload, None without one."""
        if end - offset < 20:
            raise Malformed("IPv4 header cut short", offset)
        version_ihl, total, ip_id, fragment, ttl, protocol, src, dst = _ipv4_header.unpack_from(
            buffer, offset
        )
        header_bytes = (version_ihl & 0x0F) * 4
        if version_ihl >> 4 != 4 or header_bytes < 20:
            raise Malformed("IPv4 header contradicts itself", offset)
        if total == 0:
            total = end - offset
        if total < header_bytes:
            raise Malformed("IPv4 total length is shorter than its header", offset + 2)
        network.addresses = src + dst
        network.protocol = protocol
        network.ttl = ttl
        network.ip_df = bool(fragment & 0x4000)
        network.ip_id = ip_id
        network.offset = offset + header_bytes
        network.end = min(offset + total, end)
        network.is_cut = offset + total > end
        if network.offset > end:
            raise Malformed("IPv4 header cut short", offset)
        if not fragment & 0x3FFF:
            return buffer
        key = src + dst + bytes((protocol,)) + ip_id.to_bytes(2, "big")
        return self._fragment(network, buffer, key, (fragment & 0x1FFF) * 8, not fragment & 0x2000, ts_us)

    def _ipv6(
        self, network: _Network, buffer: bytes | mmap, offset: int, end: int, ts_us: int
    ) -> bytes | mmap | None:
        """Fill `network` from the IPv6 header and its extension headers; as `_ipv4`."""
        if end - offset < 40:
            raise Malformed("IPv6 header cut short", offset)
        payload_bytes, next_header, hop_limit, src, dst = _ipv6_header.unpack_from(buffer, offset)
        if buffer[offset] >> 4 != 6:
            raise Malformed("IPv6 header contradicts itself", offset)
        network.addresses = src + dst
        network.ttl = hop_limit
        at = offset + 40
        network.end = min(at + payload_bytes, end) if payload_bytes else end
        network.is_cut = at + payload_bytes > end
        source: bytes | mmap = buffer
        for _ in range(MAX_EXTENSION_HEADERS):
            if next_header in SKIPPED_EXTENSION_HEADERS or next_header == AUTHENTICATION:
                if network.end - at < 8:
                    raise Malformed("IPv6 extension header cut short", offset)
                units = source[at + 1]
                size = (units + 2) * 4 if next_header == AUTHENTICATION else (units + 1) * 8
                next_header, at = source[at], at + size
            elif next_header == FRAGMENT:
                if network.end - at < 8:
                    raise Malformed("IPv6 fragment header cut short", offset)
                next_header, position, identification = _fragment_header.unpack_from(source, at)
                network.offset = at = at + 8
                if position & 0xFFF9:
                    key = src + dst + identification
                    whole = self._fragment(network, source, key, position & 0xFFF8, not position & 1, ts_us)
                    if whole is None:
                        return None
                    source, at = whole, 0
            else:
                break
            if at > network.end:
                raise Malformed("IPv6 extension header is longer than the packet", offset)
        else:
            raise Malformed("more IPv6 extension headers than 16", offset)
        network.protocol = next_header
        network.offset = at
        return source

    def _fragment(
        self, network: _Network, buffer: bytes | mmap, key: bytes, position: int, is_last: bool, ts_us: int
    ) -> bytes | None:
        if network.is_cut:
            return None
        whole = self.fragments.add(key, position, is_last, buffer[network.offset : network.end], ts_us)
        if whole is not None:
            network.offset, network.end = 0, len(whole)
        return whole


def _tcp(network: _Network, buffer: bytes | mmap) -> TcpSegment:
    offset, end = network.offset, network.end
    if end - offset < 20:
        raise Malformed("TCP header cut short", offset)
    ports, seq, ack, data_offset, flags, window = _tcp_header.unpack_from(buffer, offset)
    payload = offset + (data_offset >> 4) * 4
    if payload < offset + 20:
        raise Malformed("TCP data offset is shorter than its header", offset + 12)
    if payload > end:
        raise Malformed("TCP options cut short", offset + 12)
    return TcpSegment(
        network.addresses + ports,
        seq,
        ack,
        flags,
        window,
        buffer[offset + 20 : payload],
        buffer[payload:end],
        network.ttl,
        network.ip_df,
        network.ip_id,
        network.tunnel,
        network.is_cut,
    )


def _udp(network: _Network, buffer: bytes | mmap) -> tuple[UdpDatagram | None, tunnel.Inner | None]:
    offset, end = network.offset, network.end
    if end - offset < 8:
        raise Malformed("UDP header cut short", offset)
    ports, length = _udp_header.unpack_from(buffer, offset)
    # Zero is a jumbogram; with segmentation offload the field may also be of the first datagram only.
    if length and length < 8:
        raise Malformed("UDP length is shorter than its header", offset + 4)
    read_tunnel = tunnel.UDP_TUNNELS.get(ports[2] << 8 | ports[3])
    if read_tunnel is not None:
        inner = read_tunnel(buffer, offset + 8, end)
        if inner is not None:
            return None, inner
    return UdpDatagram(
        network.addresses + ports, buffer[offset + 8 : end], network.tunnel, network.is_cut
    ), None

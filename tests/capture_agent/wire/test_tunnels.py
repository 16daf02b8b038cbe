"""Each encapsulation leads to the inner packet, and names itself."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest

from capture_agent.wire.errors import Malformed
from capture_agent.wire.frame import frame_of
from capture_agent.wire.link import LINKTYPE_ETHERNET
from capture_agent.wire.packet import PacketDecoder
from capture_agent.wire.segment import Segment, TcpSegment, UdpDatagram

OUTER = {"src": "10.0.0.1", "dst": "10.0.0.2"}
ETH_IPV4, ETH_IPV6, TEB = 0x0800, 0x86DD, 0x6558


def decode(build: Any, packet: bytes) -> Segment | None:
    return PacketDecoder().decode(frame_of(build.ethernet_for(packet), 0, LINKTYPE_ETHERNET))


def gre(protocol: int, inner: bytes, flags: int = 0, optional: bytes = b"") -> bytes:
    return struct.pack(">HH", flags, protocol) + optional + inner


def over_gre(build: Any, octets: bytes) -> bytes:
    return bytes(build.ipv4(octets, protocol=47, **OUTER))


def over_udp(build: Any, port: int, octets: bytes) -> bytes:
    return bytes(build.ipv4(build.udp(octets, dport=port), protocol=17, **OUTER))


def vxlan(inner: bytes) -> bytes:
    return b"\x08\0\0\0\0\0\x2a\0" + inner


def geneve(protocol: int, inner: bytes, options: bytes = b"") -> bytes:
    return struct.pack(">BBHI", len(options) // 4, 0, protocol, 42 << 8) + options + inner


def gtpu(inner: bytes, flags: int = 0x30, optional: bytes = b"") -> bytes:
    return struct.pack(">BBHI", flags, 255, len(optional) + len(inner), 1) + optional + inner


TUNNELS: list[tuple[str, str, Callable[[Any, bytes], bytes]]] = [
    ("IP in IP", "ipip", lambda b, ip: b.ipv4(ip, protocol=4, **OUTER)),
    ("IPv4 in IPv6", "ipip", lambda b, ip: b.ipv6(ip, next_header=4)),
    ("GRE", "gre", lambda b, ip: over_gre(b, gre(ETH_IPV4, ip))),
    ("GRE with key", "gre", lambda b, ip: over_gre(b, gre(ETH_IPV4, ip, 0x2000, bytes(4)))),
    (
        "GRE with checksum, key, sequence",
        "gre",
        lambda b, ip: over_gre(b, gre(ETH_IPV4, ip, 0xB000, bytes(12))),
    ),
    ("GRE with Ethernet", "gre", lambda b, ip: over_gre(b, gre(TEB, b.ethernet_for(ip)))),
    (
        "GRE of PPTP",
        "gre",
        lambda b, ip: over_gre(b, gre(0x880B, b"\xff\x03\0\x21" + ip, 0x3081, bytes(12))),
    ),
    ("ERSPAN I", "erspan", lambda b, ip: over_gre(b, gre(0x88BE, b.ethernet_for(ip)))),
    (
        "ERSPAN II",
        "erspan",
        lambda b, ip: over_gre(b, gre(0x88BE, bytes(8) + b.ethernet_for(ip), 0x1000, bytes(4))),
    ),
    (
        "ERSPAN III",
        "erspan",
        lambda b, ip: over_gre(b, gre(0x22EB, bytes(12) + b.ethernet_for(ip), 0x1000, bytes(4))),
    ),
    (
        "ERSPAN III with platform header",
        "erspan",
        lambda b, ip: over_gre(
            b, gre(0x22EB, bytes(11) + b"\x01" + bytes(8) + b.ethernet_for(ip), 0x1000, bytes(4))
        ),
    ),
    ("VXLAN", "vxlan", lambda b, ip: over_udp(b, 4789, vxlan(b.ethernet_for(ip)))),
    ("VXLAN of Linux", "vxlan", lambda b, ip: over_udp(b, 8472, vxlan(b.ethernet_for(ip)))),
    ("VXLAN-GPE with IP", "vxlan", lambda b, ip: over_udp(b, 4790, b"\x0c\0\0\x01\0\0\x2a\0" + ip)),
    (
        "VXLAN with group policy",
        "vxlan",
        lambda b, ip: over_udp(b, 4789, b"\x88\0\0\5\0\0\x2a\0" + b.ethernet_for(ip)),
    ),
    ("Geneve", "geneve", lambda b, ip: over_udp(b, 6081, geneve(TEB, b.ethernet_for(ip)))),
    (
        "Geneve with options",
        "geneve",
        lambda b, ip: over_udp(b, 6081, geneve(TEB, b.ethernet_for(ip), bytes(12))),
    ),
    ("Geneve with IP", "geneve", lambda b, ip: over_udp(b, 6081, geneve(ETH_IPV4, ip))),
    ("GTP-U", "gtpu", lambda b, ip: over_udp(b, 2152, gtpu(ip))),
    ("GTP-U with sequence", "gtpu", lambda b, ip: over_udp(b, 2152, gtpu(ip, 0x32, bytes(4)))),
    (
        "GTP-U with extension header",
        "gtpu",
        lambda b, ip: over_udp(b, 2152, gtpu(ip, 0x34, b"\0\0\0\x85" + b"\x01\x10\x09\x00")),
    ),
    (
        "VXLAN in ERSPAN",
        "erspan",
        lambda b, ip: over_gre(
            b,
            gre(
                0x88BE,
                bytes(8) + b.ethernet_for(over_udp(b, 4789, vxlan(b.ethernet_for(ip)))),
                0x1000,
                bytes(4),
            ),
        ),
    ),
]


@pytest.mark.parametrize(("name", "tunnel", "wrap"), TUNNELS, ids=[name for name, _, _ in TUNNELS])
def test_the_inner_segment_is_found(
    name: str, tunnel: str, wrap: Callable[[Any, bytes], bytes], build: Any
) -> None:
    segment = decode(build, wrap(build, build.ipv4(build.tcp(b"inside"), ttl=50)))
    assert isinstance(segment, TcpSegment)
    assert segment.payload == b"inside"
    assert segment.tunnel == tunnel
    assert segment.ttl == 50
    assert segment.flow_key[:4] == bytes((198, 51, 100, 7))


@pytest.mark.parametrize(("name", "tunnel", "wrap"), TUNNELS, ids=[name for name, _, _ in TUNNELS])
def test_a_tunnel_cut_anywhere_never_invents_a_segment(
    name: str, tunnel: str, wrap: Callable[[Any, bytes], bytes], build: Any
) -> None:
    whole = build.ethernet_for(wrap(build, build.ipv4(build.tcp(b"inside"))))
    for size in range(len(whole)):
        try:
            segment = PacketDecoder().decode(frame_of(whole[:size], 0, LINKTYPE_ETHERNET, len(whole)))
        except Malformed:
            continue
        assert segment is None or segment.is_cut


def test_ipv6_over_ipv4_is_6in4(build: Any) -> None:
    segment = decode(build, build.ipv4(build.ipv6(build.tcp(b"x")), protocol=41, **OUTER))
    assert isinstance(segment, TcpSegment)
    assert segment.tunnel == "6in4"
    assert len(segment.flow_key) == 36


def test_nesting_is_bounded(build: Any) -> None:
    packet = build.ipv4(build.tcp(b"x"))
    for _ in range(4):
        packet = build.ipv4(packet, protocol=4, **OUTER)
    assert isinstance(decode(build, packet), TcpSegment)
    assert decode(build, build.ipv4(packet, protocol=4, **OUTER)) is None


def test_a_tunnel_port_without_the_tunnel_header_is_a_plain_datagram(build: Any) -> None:
    datagram = decode(build, over_udp(build, 4789, b"not vxlan"))
    assert isinstance(datagram, UdpDatagram)
    assert datagram.payload == b"not vxlan"


def test_a_fragmented_outer_packet_is_reassembled_first(build: Any) -> None:
    payload = gre(ETH_IPV4, build.ipv4(build.tcp(bytes(60))))
    decoder = PacketDecoder()
    first = build.ipv4(payload[:64], protocol=47, fragment=0x2000, **OUTER)
    second = build.ipv4(payload[64:], protocol=47, fragment=8, **OUTER)
    assert decoder.decode(frame_of(build.ethernet_for(first), 0, LINKTYPE_ETHERNET)) is None
    segment = decoder.decode(frame_of(build.ethernet_for(second), 0, LINKTYPE_ETHERNET))
    assert isinstance(segment, TcpSegment)
    assert (segment.payload, segment.tunnel) == (bytes(60), "gre")

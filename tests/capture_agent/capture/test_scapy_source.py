"""scapy as a source, and as an independent builder of the packets that our decoder takes apart."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import pytest

scapy_all = pytest.importorskip("scapy.all", reason="scapy is an optional dependency and is not installed")

from scapy.contrib import erspan, geneve, gtp  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    fragment6,
)

from capture_agent.capture.errors import CaptureFileError  # noqa: E402
from capture_agent.capture.scapy_source import ScapySource, frame_of_packet, open_with_scapy  # noqa: E402
from capture_agent.wire.packet import PacketDecoder  # noqa: E402
from capture_agent.wire.segment import TcpSegment  # noqa: E402

Ether, Dot1Q, Dot1AD, IP, TCP, UDP = (
    scapy_all.Ether,
    scapy_all.Dot1Q,
    scapy_all.Dot1AD,
    scapy_all.IP,
    scapy_all.TCP,
    scapy_all.UDP,
)
INNER = (
    IP(src="198.51.100.7", dst="203.0.113.9", ttl=57)
    / TCP(sport=40000, dport=443, seq=42, flags="PA", options=[("MSS", 1460), ("WScale", 7)])
    / b"payload"
)
INNER6 = IPv6(src="2001:db8::7", dst="2001:db8::9", hlim=57) / INNER[TCP]
OUTER = IP(src="10.0.0.1", dst="10.0.0.2")

PACKETS: list[tuple[str, str | None, Any]] = [
    ("ethernet", None, Ether() / INNER),
    ("ipv6", None, Ether() / INNER6),
    ("vlan", None, Ether() / Dot1Q(vlan=10) / INNER),
    ("qinq", None, Ether() / Dot1AD(vlan=2) / Dot1Q(vlan=10) / INNER6),
    ("sll", None, scapy_all.CookedLinux() / INNER),
    ("sll2", None, scapy_all.CookedLinuxV2() / INNER),
    ("null", None, scapy_all.Loopback() / INNER),
    ("pppoe", None, Ether() / scapy_all.PPPoE() / scapy_all.PPP() / INNER),
    ("ipip", "ipip", Ether() / OUTER / INNER),
    ("6in4", "6in4", Ether() / OUTER / INNER6),
    ("4in6", "ipip", Ether() / IPv6() / INNER),
    ("gre", "gre", Ether() / OUTER / scapy_all.GRE(key_present=1, key=7, seqnum_present=1) / INNER),
    ("gre ethernet", "gre", Ether() / OUTER / scapy_all.GRE(proto=0x6558) / Ether() / INNER),
    (
        "erspan II",
        "erspan",
        Ether() / OUTER / scapy_all.GRE(seqnum_present=1) / erspan.ERSPAN_II() / Ether() / INNER,
    ),
    (
        "erspan III",
        "erspan",
        Ether() / OUTER / scapy_all.GRE(seqnum_present=1) / erspan.ERSPAN_III() / Ether() / INNER,
    ),
    ("vxlan", "vxlan", Ether() / OUTER / UDP() / scapy_all.VXLAN(vni=7) / Ether() / INNER),
    ("geneve", "geneve", Ether() / OUTER / UDP() / geneve.GENEVE(proto=0x6558) / Ether() / INNER6),
    ("gtpu", "gtpu", Ether() / OUTER / UDP(sport=2152) / gtp.GTP_U_Header(teid=1) / INNER),
    (
        "extension headers",
        None,
        Ether()
        / IPv6(src="2001:db8::7", dst="2001:db8::9", hlim=57)
        / IPv6ExtHdrHopByHop()
        / IPv6ExtHdrDestOpt()
        / INNER[TCP],
    ),
]


@pytest.mark.parametrize(("name", "tunnel", "packet"), PACKETS, ids=[name for name, _, _ in PACKETS])
def test_the_decoder_reads_what_scapy_builds(name: str, tunnel: str | None, packet: Any) -> None:
    built = type(packet)(bytes(packet))
    segment = PacketDecoder().decode(frame_of_packet(built))
    assert isinstance(segment, TcpSegment)
    assert segment.payload == b"payload"
    assert (segment.src_port, segment.dst_port, segment.seq, segment.ttl) == (40000, 443, 42, 57)
    assert segment.options.startswith(struct.pack(">BBHBBB", 2, 4, 1460, 3, 3, 7))
    assert segment.tunnel == tunnel


@pytest.mark.parametrize("version", [4, 6])
def test_the_decoder_joins_what_scapy_fragments(version: int) -> None:
    payload = bytes(range(256)) * 12
    tcp = TCP(sport=1, dport=443) / payload
    if version == 4:
        parts = scapy_all.fragment(IP(src="192.0.2.1", dst="192.0.2.2", id=9) / tcp, 600)
    else:
        parts = fragment6(IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrFragment(id=9) / tcp, 700)
    assert len(parts) > 3
    decoder = PacketDecoder()
    found = [decoder.decode(frame_of_packet(Ether() / part)) for part in reversed(parts)]
    [segment] = [one for one in found if one is not None]
    assert segment.payload == payload


def test_packets_are_a_source_of_frames_with_their_times() -> None:
    packet = Ether() / INNER
    packet.time = 1_700_000_000.25
    [frame] = ScapySource([packet])
    assert (frame.ts_us, frame.link_type) == (1_700_000_000_250_000, 1)
    assert frame.octets == bytes(packet)


def test_a_compressed_capture_is_read(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.pcap", tmp_path / "a.pcap.gz"
    scapy_all.wrpcap(str(plain), [Ether() / INNER])
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    [frame] = open_with_scapy(packed)
    assert frame.octets == bytes(Ether() / INNER)


def test_what_scapy_cannot_read_is_refused_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "not-a-capture"
    path.write_bytes(b"GET / HTTP/1.1\r\n\r\n" * 4)
    with pytest.raises(CaptureFileError, match="not-a-capture"):
        open_with_scapy(path)


def test_a_packet_without_a_readable_link_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown link type"):
        frame_of_packet(scapy_all.Dot11())

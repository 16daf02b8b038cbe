"""Each link layer leads to the same TCP segment."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from capture_agent.wire import link
from capture_agent.wire.errors import Malformed
from capture_agent.wire.frame import frame_of
from capture_agent.wire.packet import PacketDecoder
from capture_agent.wire.segment import TcpSegment

VLAN, QINQ, OLD_QINQ = b"\x81\0", b"\x88\xa8", b"\x91\0"
MACS = bytes(12)


def tagged(*tags: bytes, inner: bytes) -> bytes:
    """An Ethernet frame with VLAN tags around an IPv4 packet; a tag is its type and control field."""
    return MACS + b"".join(tags) + b"\x08\0" + inner


def sll(protocol: int, inner: bytes) -> bytes:
    return struct.pack(">HHH8sH", 0, 1, 6, bytes(8), protocol) + inner


def sll2(protocol: int, inner: bytes) -> bytes:
    return struct.pack(">HHIHBB8s", protocol, 0, 3, 1, 0, 6, bytes(8)) + inner


MPLS_TWO_LABELS = b"\x00\x01\x40\x40" + b"\x00\x01\xe1\x40"
SNAP = b"\xaa\xaa\x03\0\0\0"
PPPOE = b"\x11\x00\x00\x01\x00\x00"

FRAMES: list[tuple[str, int, Callable[[bytes], bytes]]] = [
    ("ethernet", link.LINKTYPE_ETHERNET, lambda ip: MACS + b"\x08\0" + ip),
    ("802.1Q", link.LINKTYPE_ETHERNET, lambda ip: tagged(VLAN + b"\0\x0a", inner=ip)),
    ("priority tag", link.LINKTYPE_ETHERNET, lambda ip: tagged(VLAN + b"\xe0\0", inner=ip)),
    ("QinQ", link.LINKTYPE_ETHERNET, lambda ip: tagged(QINQ + b"\0\x02", VLAN + b"\0\x0a", inner=ip)),
    ("old QinQ", link.LINKTYPE_ETHERNET, lambda ip: tagged(OLD_QINQ + b"\0\x02", VLAN + b"\0\x0a", inner=ip)),
    ("PPPoE", link.LINKTYPE_ETHERNET, lambda ip: MACS + b"\x88\x64" + PPPOE + b"\0\x21" + ip),
    (
        "PPPoE in a VLAN",
        link.LINKTYPE_ETHERNET,
        lambda ip: MACS + VLAN + b"\0\x07" + b"\x88\x64" + PPPOE + b"\0\x21" + ip,
    ),
    ("PPPoE without Ethernet", link.LINKTYPE_PPP_ETHER, lambda ip: PPPOE + b"\0\x21" + ip),
    ("SLL", link.LINKTYPE_LINUX_SLL, lambda ip: sll(0x0800, ip)),
    ("SLL with VLAN", link.LINKTYPE_LINUX_SLL, lambda ip: sll(0x8100, b"\0\x0a\x08\0" + ip)),
    ("SLL2", link.LINKTYPE_LINUX_SLL2, lambda ip: sll2(0x0800, ip)),
    ("SLL2 with VLAN", link.LINKTYPE_LINUX_SLL2, lambda ip: sll2(0x8100, b"\0\x0a\x08\0" + ip)),
    ("raw", link.LINKTYPE_RAW, lambda ip: ip),
    ("raw of BSD", link.DLT_RAW_BSD, lambda ip: ip),
    ("raw IPv4", link.LINKTYPE_IPV4, lambda ip: ip),
    ("null, little endian", link.LINKTYPE_NULL, lambda ip: struct.pack("<I", 2) + ip),
    ("null, big endian", link.LINKTYPE_NULL, lambda ip: struct.pack(">I", 2) + ip),
    ("loop", link.LINKTYPE_LOOP, lambda ip: struct.pack(">I", 2) + ip),
    ("PPP", link.LINKTYPE_PPP, lambda ip: b"\0\x21" + ip),
    ("PPP, short protocol", link.LINKTYPE_PPP, lambda ip: b"\x21" + ip),
    ("PPP with HDLC bytes", link.LINKTYPE_PPP, lambda ip: b"\xff\x03\0\x21" + ip),
    ("PPP HDLC", link.LINKTYPE_PPP_HDLC, lambda ip: b"\xff\x03\0\x21" + ip),
    ("Cisco HDLC", link.LINKTYPE_PPP_HDLC, lambda ip: b"\x0f\0\x08\0" + ip),
    ("Cisco HDLC under its own number", link.LINKTYPE_CISCO_HDLC, lambda ip: b"\x8f\0\x08\0" + ip),
    ("MPLS", link.LINKTYPE_ETHERNET, lambda ip: MACS + b"\x88\x47" + MPLS_TWO_LABELS + ip),
    (
        "MPLS in a VLAN",
        link.LINKTYPE_ETHERNET,
        lambda ip: MACS + VLAN + b"\0\x07\x88\x47" + MPLS_TWO_LABELS + ip,
    ),
    (
        "SNAP",
        link.LINKTYPE_ETHERNET,
        lambda ip: MACS + struct.pack(">H", 8 + len(ip)) + SNAP + b"\x08\0" + ip,
    ),
]


@pytest.mark.parametrize(("name", "link_type", "wrap"), FRAMES, ids=[name for name, _, _ in FRAMES])
def test_the_segment_is_found_behind(
    name: str, link_type: int, wrap: Callable[[bytes], bytes], build: Any
) -> None:
    packet = build.ipv4(build.tcp(b"payload", seq=42, options=build.syn_options), ttl=57, ident=9)
    segment = PacketDecoder().decode(frame_of(wrap(packet), 0, link_type))
    assert isinstance(segment, TcpSegment)
    assert segment.payload == b"payload"
    assert (segment.seq, segment.ttl, segment.ip_id, segment.ip_df) == (42, 57, 9, True)
    assert segment.options == build.syn_options
    assert segment.tunnel is None
    assert not segment.is_cut


@pytest.mark.parametrize("family", [10, 24, 28, 30])
def test_each_system_has_its_own_number_for_ipv6_on_loopback(family: int, build: Any) -> None:
    frame = struct.pack("<I", family) + build.ipv6(build.tcp(b"x"))
    segment = PacketDecoder().decode(frame_of(frame, 0, link.LINKTYPE_NULL))
    assert isinstance(segment, TcpSegment)
    assert segment.payload == b"x"


@pytest.mark.parametrize(("name", "link_type", "wrap"), FRAMES, ids=[name for name, _, _ in FRAMES])
def test_a_frame_cut_anywhere_is_malformed_or_without_payload(
    name: str, link_type: int, wrap: Callable[[bytes], bytes], build: Any
) -> None:
    whole = wrap(build.ipv4(build.tcp(b"payload")))
    for size in range(len(whole)):
        segment = None
        with suppress(Malformed):
            segment = PacketDecoder().decode(frame_of(whole[:size], 0, link_type, len(whole)))
        assert segment is None or segment.is_cut


def test_a_frame_of_another_protocol_is_none() -> None:
    arp = MACS + b"\x08\x06" + bytes(28)
    assert PacketDecoder().decode(frame_of(arp, 0, link.LINKTYPE_ETHERNET)) is None


def test_a_tower_of_vlan_tags_is_refused(build: Any) -> None:
    frame = tagged(*[VLAN + b"\0\x01"] * 5, inner=build.ipv4(build.tcp()))
    with pytest.raises(Malformed, match="VLAN"):
        PacketDecoder().decode(frame_of(frame, 0, link.LINKTYPE_ETHERNET))


def test_a_tower_of_mpls_labels_is_refused(build: Any) -> None:
    frame = MACS + b"\x88\x47" + b"\x00\x01\x40\x40" * 9 + MPLS_TWO_LABELS + build.ipv4(build.tcp())
    with pytest.raises(Malformed, match="MPLS"):
        PacketDecoder().decode(frame_of(frame, 0, link.LINKTYPE_ETHERNET))


def test_an_mpls_pseudowire_is_no_ip_packet() -> None:
    control_word = bytes(4)
    frame = MACS + b"\x88\x47" + MPLS_TWO_LABELS + control_word + MACS + b"\x08\0"
    assert PacketDecoder().decode(frame_of(frame, 0, link.LINKTYPE_ETHERNET)) is None


def test_the_message_for_an_unknown_link_type_names_it() -> None:
    assert link.link_type_name(249) == "LINKTYPE_USBPCAP (249)"
    assert link.link_type_name(4711) == "link type 4711"

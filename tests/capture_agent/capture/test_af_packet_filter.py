"""The port filter, run by the kernel itself: it filters datagrams of a UNIX socket as it does frames."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from capture_agent.capture.files import open_capture
from capture_agent.capture.kernel_filter import MAX_PORTS, attach, compile_port_filter
from capture_agent.wire.errors import Malformed
from capture_agent.wire.link import LINKTYPE_ETHERNET
from capture_agent.wire.packet import PacketDecoder
from capture_agent.wire.segment import Segment

if TYPE_CHECKING:
    from tests.capture_agent.conftest import FrameBuilder

VLAN, PROVIDER_VLAN, PPPOE, ARP = 0x8100, 0x88A8, 0x8864, 0x0806
TAG = b"\0\x0a"


class Sieve:
    """A filtered pair of sockets."""

    def __init__(self, ports: set[int], *, has_ethernet_header: bool = True) -> None:
        self._sender, self._receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._receiver.setblocking(False)
        self._sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        attach(self._receiver, compile_port_filter(ports, has_ethernet_header=has_ethernet_header))

    def passed(self, frame: bytes) -> bytes | None:
        """What the filter leaves of a frame; None if it refuses it."""
        self._sender.send(frame)
        try:
            return self._receiver.recv(1 << 20)
        except BlockingIOError:
            return None

    def close(self) -> None:
        self._sender.close()
        self._receiver.close()


@pytest.fixture
def https() -> Iterator[Sieve]:
    sieve = Sieve({443, 8443})
    yield sieve
    sieve.close()


def tagged(build: FrameBuilder, packet: bytes, *ethertypes: int) -> bytes:
    """The packet behind one VLAN tag for each ethertype, the outermost first."""
    inner = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    following = [*ethertypes[1:], inner]
    tags = b"".join(TAG + ethertype.to_bytes(2) for ethertype in following)
    return build.ethernet(tags + packet, ethertypes[0])


@pytest.mark.parametrize(
    ("sport", "dport", "is_wanted"),
    [(40000, 443, True), (443, 40000, True), (40000, 8443, True), (40000, 444, False), (80, 40000, False)],
)
def test_ports_of_either_side_decide(
    https: Sieve, build: FrameBuilder, sport: int, dport: int, is_wanted: bool
) -> None:
    tcp, udp = build.tcp(b"x", sport=sport, dport=dport), build.udp(b"x", sport=sport, dport=dport)
    packets = [
        build.ipv4(tcp),
        build.ipv6(tcp),
        build.ipv4(udp, protocol=17),
        build.ipv6(udp, next_header=17),
    ]
    packets.append(build.ipv4(tcp, options=bytes(12)))
    for packet in packets:
        frame = build.ethernet_for(packet)
        assert https.passed(frame) == (frame if is_wanted else None)
        for ethertypes in ((VLAN,), (PROVIDER_VLAN, VLAN)):
            assert (https.passed(tagged(build, packet, *ethertypes)) is not None) == is_wanted


def test_what_has_no_ports_to_look_at_passes(https: Sieve, build: FrameBuilder) -> None:
    later_fragment = build.ipv4(b"\0\x50\0\x50 rest of a segment", fragment=0x2010)
    assert https.passed(build.ethernet_for(later_fragment)) is not None
    for extension in (0, 43, 44, 60):
        packet = build.ipv6(bytes(8) + build.tcp(dport=80), next_header=extension)
        assert https.passed(build.ethernet_for(packet)) is not None


def test_first_fragment_is_judged_by_its_ports(https: Sieve, build: FrameBuilder) -> None:
    assert https.passed(build.ethernet_for(build.ipv4(build.tcp(dport=80), fragment=0x2000))) is None
    assert https.passed(build.ethernet_for(build.ipv4(build.tcp(dport=443), fragment=0x2000))) is not None


def test_everything_else_is_refused(https: Sieve, build: FrameBuilder) -> None:
    packet = build.ipv4(build.tcp(dport=443))
    for frame in (
        build.ethernet(bytes(28), ARP),
        build.ethernet(b"\x11\0\0\x07\0\x40\0\x21" + packet, PPPOE),
        build.ethernet_for(build.ipv4(b"\x08\0" + bytes(30), protocol=1)),
        tagged(build, packet, VLAN, VLAN, VLAN),
        build.ethernet_for(packet)[:36],
        build.ethernet_for(packet)[:13],
    ):
        assert https.passed(frame) is None


def test_interface_without_ethernet_header(build: FrameBuilder) -> None:
    sieve = Sieve({443}, has_ethernet_header=False)
    for packet in (build.ipv4(build.tcp(dport=443)), build.ipv6(build.udp(b"", dport=443), next_header=17)):
        assert sieve.passed(packet) == packet
    assert sieve.passed(build.ipv4(build.tcp(dport=80))) is None
    assert sieve.passed(b"\xff" * 60) is None
    sieve.close()


def test_frame_of_receive_offload_stays_whole(https: Sieve, build: FrameBuilder) -> None:
    frame = build.ethernet_for(build.ipv4(build.tcp(bytes(65_000))))
    assert https.passed(frame) == frame


def test_no_ports_pass_everything(build: FrameBuilder) -> None:
    sieve = Sieve(set())
    assert sieve.passed(build.ethernet(bytes(28), ARP)) is not None
    sieve.close()


def test_largest_list_of_ports_works_to_its_ends_and_a_larger_one_is_refused(build: FrameBuilder) -> None:
    sieve = Sieve(set(range(1000, 1000 + MAX_PORTS)))
    for port, is_wanted in (
        (999, False),
        (1000, True),
        (1000 + MAX_PORTS - 1, True),
        (1000 + MAX_PORTS, False),
    ):
        for segment in (build.tcp(sport=1, dport=port), build.tcp(sport=port, dport=1)):
            for packet in (build.ipv4(segment), build.ipv6(segment)):
                assert (sieve.passed(build.ethernet_for(packet)) is not None) == is_wanted
    sieve.close()
    with pytest.raises(ValueError, match="101 ports"):
        compile_port_filter(range(MAX_PORTS + 1), has_ethernet_header=True)


def ports_of(segment: Segment) -> set[int]:
    return {int.from_bytes(segment.flow_key[-4:-2]), int.from_bytes(segment.flow_key[-2:])}


def test_filter_and_decoder_agree_on_recorded_traffic(recording_dir: Path) -> None:
    """On every frame of the recording: it passes exactly if the decoder finds one of the ports in it."""
    compared = 0
    for ports in ({443}, {8443}, {80, 53}):
        sieve, decoder = Sieve(ports), PacketDecoder()
        for path in sorted(recording_dir.rglob("*.pcap*")):
            for frame in open_capture(path):
                if frame.link_type != LINKTYPE_ETHERNET:
                    continue
                try:
                    segment = decoder.decode(frame)
                except Malformed:
                    continue
                is_wanted = segment is not None and bool(ports_of(segment) & ports)
                assert (sieve.passed(frame.octets) is not None) == is_wanted
                compared += 1
        sieve.close()
    assert compared > 1_000

"""The port filter, run by the kernel itself: it filters datagrams of a UNIX socket as it does frames."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture_agent.capture.files import open_capture
from capture_agent.capture.kernel_filter import attach, compile_filter
from capture_agent.selection import EndLists, Selection
from capture_agent.wire.errors import Malformed
from capture_agent.wire.frame import frame_of
from capture_agent.wire.link import LINKTYPE_ETHERNET
from capture_agent.wire.packet import PacketDecoder
from capture_agent.wire.segment import Segment

if TYPE_CHECKING:
    from tests.capture_agent.conftest import FrameBuilder

VLAN, PROVIDER_VLAN, PPPOE, ARP = 0x8100, 0x88A8, 0x8864, 0x0806
TAG = b"\0\x0a"


class Sieve:
    """A filtered pair of sockets."""

    def __init__(self, selection: Selection | set[int], *, has_ethernet_header: bool = True) -> None:
        self._sender, self._receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._receiver.setblocking(False)
        self._sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        if isinstance(selection, set):
            selection = Selection(frozenset(selection))
        self.is_exact = attach(self._receiver, selection, has_ethernet_header=has_ethernet_header)

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


def test_long_list_of_ports_works_to_its_ends(build: FrameBuilder) -> None:
    ports = set(range(1000, 2000))
    sieve = Sieve(ports)
    assert sieve.is_exact
    for port, is_wanted in ((999, False), (1000, True), (1250, True), (1999, True), (2000, False)):
        for segment in (build.tcp(sport=1, dport=port), build.tcp(sport=port, dport=1)):
            for packet in (build.ipv4(segment), build.ipv6(segment)):
                assert (sieve.passed(build.ethernet_for(packet)) is not None) == is_wanted
    sieve.close()


def networks(*texts: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)


def test_lists_too_long_for_the_kernel_leave_the_ports_to_it(build: FrameBuilder) -> None:
    many = networks(*(f"2001:db8:{number:x}::/64" for number in range(1000)))
    selection = Selection(frozenset({443}), exclude=EndLists(source_networks=many))
    with pytest.raises(ValueError, match="the kernel takes 4096"):
        compile_filter(selection, has_ethernet_header=True)
    sieve = Sieve(selection)
    assert not sieve.is_exact
    assert sieve.passed(build.ethernet_for(build.ipv6(build.tcp(dport=443)))) is not None
    assert sieve.passed(build.ethernet_for(build.ipv6(build.tcp(dport=80)))) is None
    sieve.close()


@pytest.mark.parametrize(
    ("include", "exclude", "is_wanted"),
    [
        (EndLists(), EndLists(), True),
        (EndLists(source_networks=networks("198.51.100.0/24")), EndLists(), True),
        (EndLists(destination_networks=networks("198.51.100.0/24")), EndLists(), False),
        (EndLists(destination_networks=networks("203.0.113.9", "2001:db8::/32")), EndLists(), True),
        (EndLists(source_networks=networks("2001:db8::/32")), EndLists(), False),
        (EndLists(), EndLists(source_networks=networks("198.51.100.7")), False),
        (EndLists(), EndLists(destination_networks=networks("198.51.100.7")), True),
        (EndLists(), EndLists(source_ports=frozenset({40000})), False),
        (EndLists(source_ports=frozenset({40001})), EndLists(), False),
        (EndLists(), EndLists(destination_ports=frozenset({443})), False),
    ],
)
def test_lists_mean_client_and_server_whichever_way_a_packet_goes(
    build: FrameBuilder, include: EndLists, exclude: EndLists, is_wanted: bool
) -> None:
    """A client at 198.51.100.7:40000 and a server at 203.0.113.9:443, request and answer."""
    sieve = Sieve(Selection(frozenset({443}), include, exclude))
    client, server = "198.51.100.7", "203.0.113.9"
    there = build.ipv4(build.tcp(sport=40000, dport=443), src=client, dst=server)
    back = build.ipv4(build.tcp(sport=443, dport=40000), src=server, dst=client)
    for packet in (there, back):
        assert (sieve.passed(build.ethernet_for(packet)) is not None) == is_wanted
        assert (sieve.passed(tagged(build, packet, PROVIDER_VLAN, VLAN)) is not None) == is_wanted
    sieve.close()


HOSTS4 = ["192.0.2.1", "192.0.2.129", "198.51.100.7", "10.1.2.3"]
HOSTS6 = ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:8000::5", "fd00::1"]
NETWORKS = st.lists(
    st.sampled_from(
        networks(
            "192.0.2.0/24", "192.0.2.128/25", "10.0.0.0/8", "198.51.100.7", "0.0.0.0/0",
            "2001:db8::/32", "2001:db8::/64", "2001:db8:8000::/33", "fd00::1", "::/0",
        )
    ),
    max_size=3,
).map(tuple)  # fmt: skip
PORTS = st.frozensets(st.sampled_from([80, 443, 1234, 5678]), max_size=2)
LISTS = st.builds(EndLists, NETWORKS, NETWORKS, PORTS, PORTS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(selection=st.builds(Selection, PORTS, LISTS, LISTS), data=st.data())
def test_kernel_and_user_space_judge_alike(
    selection: Selection, data: st.DataObject, build: FrameBuilder
) -> None:
    sieve = Sieve(selection)
    try:
        for hosts, wrap in ((HOSTS4, build.ipv4), (HOSTS6, build.ipv6)):
            for _ in range(4):
                source, destination = data.draw(st.sampled_from(hosts)), data.draw(st.sampled_from(hosts))
                sport, dport = (data.draw(st.sampled_from([80, 443, 1234, 9])) for _ in range(2))
                packet = wrap(build.tcp(sport=sport, dport=dport), src=source, dst=destination)
                frame = build.ethernet_for(packet)
                wanted = list(
                    selection.wanted_frames([frame_of(frame, 0, LINKTYPE_ETHERNET)], PacketDecoder())
                )
                assert (sieve.passed(frame) is not None) == bool(wanted)
    finally:
        sieve.close()


def ports_of(segment: Segment) -> set[int]:
    return {int.from_bytes(segment.flow_key[-4:-2]), int.from_bytes(segment.flow_key[-2:])}


def test_filter_and_decoder_agree_on_recorded_traffic(recording_dir: Path) -> None:
    """On every frame of the recording: it passes exactly if the decoder finds one of the ports in it."""
    compared = 0
    for ports in ({443}, {8443}, {80, 53}):
        sieve, decoder = Sieve(ports), PacketDecoder()
        for path in sorted(path for path in recording_dir.rglob("*") if path.suffix in (".pcap", ".pcapng")):
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

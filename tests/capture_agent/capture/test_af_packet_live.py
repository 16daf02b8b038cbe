"""Capture of real packets, on interfaces of a network namespace of the test's own."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from capture_agent.capture import af_packet
from capture_agent.capture.af_packet import open_capture
from capture_agent.capture.af_packet_offloads import offloads
from capture_agent.capture.af_packet_plain import PlainCapture
from capture_agent.capture.af_packet_ring import BLOCK_BYTES, DELIVERY_DELAY_US, RingCapture
from capture_agent.capture.af_packet_socket import CaptureOptions, CaptureRefused, Fanout, PacketSocket
from capture_agent.ports import LivePacketSource
from capture_agent.selection import EndLists, Selection
from capture_agent.wire.frame import Frame
from capture_agent.wire.link import LINKTYPE_RAW
from capture_agent.wire.packet import PacketDecoder
from capture_agent.wire.segment import TcpSegment, UdpDatagram

if TYPE_CHECKING:
    from tests.capture_agent.conftest import FrameBuilder

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_network")]

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PORT, OTHER_PORT = 18_443, 18_080
Opener = Callable[..., LivePacketSource]


def fail_if_refused(error: OSError) -> None:
    raise error


@pytest.fixture(params=["ring", "plain"])
def opened(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Opens captures of either kind, and closes them."""
    captures: list[LivePacketSource] = []

    def refuse(source: PacketSocket, ring_bytes: int) -> RingCapture:
        raise OSError(12, "Cannot allocate memory")

    def of(interface: str = "lo", **options: object) -> LivePacketSource:
        given = {"selection": Selection(frozenset({PORT})), **options}
        on_refused = fail_if_refused if request.param == "ring" else lambda _: None
        capture = open_capture(interface, CaptureOptions(**given), on_refused)  # type: ignore[arg-type]
        assert isinstance(capture, RingCapture if request.param == "ring" else PlainCapture)
        captures.append(capture)
        return capture

    if request.param == "plain":
        monkeypatch.setattr(af_packet, "RingCapture", refuse)
    yield of
    for capture in captures:
        capture.close()


def ip(command: str, *, check: bool = True) -> bool:
    """Run iproute2's `ip`; False if it failed."""
    return subprocess.run(["ip", *command.split()], check=check).returncode == 0


def frames_until_quiet(capture: LivePacketSource) -> list[Frame]:
    """Everything that has arrived by now."""
    now_us = time.time_ns() // 1_000
    frames: list[Frame] = []
    while capture.delivered_until_us() < now_us:
        frames += capture.read(0.02)
    return frames


def send_datagrams(count: int, size: int = 100, port: int = PORT) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(count):
            sender.sendto(number.to_bytes(4) + bytes(size - 4), ("127.0.0.1", port))


def payloads(frames: list[Frame]) -> list[bytes]:
    decoder = PacketDecoder()
    found = [decoder.decode(frame) for frame in frames]
    return [one.payload for one in found if isinstance(one, UdpDatagram | TcpSegment)]


def test_each_packet_is_seen_once_in_order_with_its_time(opened: Opener) -> None:
    capture = opened()
    # The kernel begins to stamp packets a moment after the first socket asks for it.
    send_datagrams(1)
    frames_until_quiet(capture)
    before_us = time.time_ns() // 1_000
    send_datagrams(300)
    after_us = time.time_ns() // 1_000
    frames = frames_until_quiet(capture)
    assert [int.from_bytes(payload[:4]) for payload in payloads(frames)] == list(range(300))
    times = [frame.ts_us for frame in frames]
    assert times == sorted(times)
    assert before_us <= times[0] <= times[-1] <= after_us
    assert capture.take_drops() == 0


def test_other_ports_do_not_reach_the_agent(opened: Opener) -> None:
    capture = opened()
    send_datagrams(50, port=OTHER_PORT)
    send_datagrams(2)
    assert len(frames_until_quiet(capture)) == 2


def test_nothing_arrives_before_the_filter_is_in_force(opened: Opener) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(20):
            capture = opened()
            sender.sendto(b"x", ("127.0.0.1", OTHER_PORT))
            assert frames_until_quiet(capture) == []


def test_frame_of_64_kb_is_whole(opened: Opener) -> None:
    ip("link set lo mtu 65536")
    capture = opened()
    send_datagrams(1, size=65_000)
    [frame] = frames_until_quiet(capture)
    assert frame.length == frame.wire_length == 65_000 + 8 + 20 + 14


def test_ring_goes_round_many_times(opened: Opener) -> None:
    capture = opened(ring_bytes=16 * BLOCK_BYTES)
    for _ in range(10):
        send_datagrams(700, size=1_400)
        frames = frames_until_quiet(capture)
        assert [int.from_bytes(payload[:4]) for payload in payloads(frames)] == list(range(700))
    assert capture.take_drops() == 0


def test_frames_the_kernel_had_no_room_for_are_counted(opened: Opener) -> None:
    capture = opened(ring_bytes=8 * BLOCK_BYTES)
    sent = 8_000
    send_datagrams(sent, size=1_400)
    seen = len(frames_until_quiet(capture))
    drops = capture.take_drops()
    assert drops > 0
    assert seen + drops == sent
    assert capture.take_drops() == 0


def test_fill_of_the_ring_is_told() -> None:
    capture = open_capture(
        "lo", CaptureOptions(Selection(frozenset({PORT})), ring_bytes=32 * BLOCK_BYTES), fail_if_refused
    )
    assert capture.fill_ratio() == 0
    send_datagrams(3_000, size=1_400)
    time.sleep(DELIVERY_DELAY_US / 1e6)
    assert capture.fill_ratio() >= 16 / 32
    frames_until_quiet(capture)
    assert capture.fill_ratio() == 0
    capture.close()


def test_tagged_frames_are_seen(opened: Opener, build: FrameBuilder) -> None:
    """One tag, two, and none, with the port that is wanted and another, sent over a pair of interfaces."""
    ip("link add left type veth peer name right")
    for end in ("left", "right"):
        ip(f"link set {end} up")
    capture = opened("right")
    tag, provider_tag = b"\x81\0\0\x0a", b"\x88\xa8\0\x14"
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("left", 0))
        for number, tags in enumerate((b"", tag, provider_tag + tag)):
            for port in (PORT, OTHER_PORT):
                frame = build.ethernet_for(build.ipv4(build.tcp(b"number %d" % number, dport=port)))
                sender.send(frame[:12] + tags + frame[12:])
    assert payloads(frames_until_quiet(capture)) == [b"number 0", b"number 1", b"number 2"]


def test_vlan_interface_of_the_system_is_seen_on_the_device_below(opened: Opener) -> None:
    ip("link add left type veth peer name right")
    if not ip("link add link left name left.7 type vlan id 7", check=False):
        pytest.skip("NOT RUN: VLAN interfaces are untested here, the kernel has none; raw tagged frames are")
    ip("addr add 10.77.0.1/24 dev left.7")
    for name in ("left", "left.7", "right"):
        ip(f"link set {name} up")
    ip("neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev left.7")
    capture = opened("right")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"tagged by the system", ("10.77.0.2", PORT))
    assert payloads(frames_until_quiet(capture)) == [b"tagged by the system"]


def test_interface_without_ethernet_header(opened: Opener) -> None:
    try:
        tunnel = os.open("/dev/net/tun", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"NOT RUN: capture on tunnels is untested here: /dev/net/tun: {error.strerror}")
    try:
        fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("=16sH22x", b"pipe", IFF_TUN | IFF_NO_PI))
        ip("addr add 10.88.0.1/24 dev pipe")
        ip("link set pipe up")
        capture = opened("pipe")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for port in (PORT, OTHER_PORT):
                sender.sendto(b"into the tunnel", ("10.88.0.2", port))
        frames = frames_until_quiet(capture)
    finally:
        os.close(tunnel)
    assert [frame.link_type for frame in frames] == [LINKTYPE_RAW]
    assert payloads(frames) == [b"into the tunnel"]


def test_interface_that_goes_away_is_an_error(opened: Opener) -> None:
    ip("link add left type veth peer name right")
    ip("link set right up")
    capture = opened("right")
    ip("link del left")
    with pytest.raises(OSError, match="down"):
        frames_until_quiet(capture)


def test_selection_is_replaced_while_traffic_runs_and_no_wanted_frame_is_lost(opened: Opener) -> None:
    capture = opened()
    send_datagrams(1)
    frames_until_quiet(capture)
    sent, done = 4_000, threading.Event()

    def send() -> None:
        send_datagrams(sent, size=200)
        done.set()

    sender = threading.Thread(target=send)
    sender.start()
    frames: list[Frame] = []
    turns = 0
    while not done.is_set():
        ports = frozenset({PORT, OTHER_PORT} if turns % 2 else {PORT})
        lists = EndLists(source_networks=(ip_network("10.0.0.0/8"),) * (turns % 50))
        assert capture.select(Selection(ports, exclude=lists))
        turns += 1
        frames += capture.read(0)
    sender.join()
    frames += frames_until_quiet(capture)
    assert turns > 3
    assert [int.from_bytes(payload[:4]) for payload in payloads(frames)] == list(range(sent))


def test_what_is_deselected_stops_at_once(opened: Opener) -> None:
    capture = opened()
    assert capture.select(Selection(frozenset({OTHER_PORT})))
    send_datagrams(5)
    send_datagrams(2, port=OTHER_PORT)
    assert len(frames_until_quiet(capture)) == 2


def test_both_directions_of_a_connection_go_to_the_same_worker(opened: Opener) -> None:
    """Over four sockets each frame arrives once, and all frames of a connection in one place."""
    fanout = Fanout()
    captures = [opened(fanout=fanout) for _ in range(4)]
    connections = 60
    with socket.create_server(("127.0.0.1", PORT)) as listener:
        for _ in range(connections):
            with socket.create_connection(("127.0.0.1", PORT)) as client:
                accepted, _ = listener.accept()
                with accepted:
                    client.sendall(b"there")
                    assert accepted.recv(5) == b"there"
                    accepted.sendall(b"back")
                    assert client.recv(4) == b"back"
    decoder = PacketDecoder()
    seen: dict[int, set[int]] = {}
    data = 0
    for number, capture in enumerate(captures):
        for frame in frames_until_quiet(capture):
            segment = decoder.decode(frame)
            assert isinstance(segment, TcpSegment)
            port = segment.src_port if segment.dst_port == PORT else segment.dst_port
            seen.setdefault(port, set()).add(number)
            data += segment.payload in (b"there", b"back")
    assert len(seen) == connections
    assert data == 2 * connections
    assert {len(workers) for workers in seen.values()} == {1}
    assert len(set.union(*seen.values())) > 1


def test_fragments_reach_the_worker_of_their_connection(opened: Opener) -> None:
    """Later fragments name no ports; the kernel puts datagrams together before it deals them out."""
    ip("link set lo mtu 1500")
    fanout = Fanout()
    captures = [opened(fanout=fanout) for _ in range(4)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(20):
            sender.sendto(bytes(4_000), ("127.0.0.1", PORT))
    found = [payloads(frames_until_quiet(capture)) for capture in captures]
    assert sum(map(len, found)) == 20
    assert {len(payload) for payloads_of_one in found for payload in payloads_of_one} == {4_000}


def test_scapy_captures_what_is_selected() -> None:
    scapy_source = pytest.importorskip("capture_agent.capture.scapy_source", reason="scapy is not installed")
    selection = Selection(frozenset({PORT}))
    capture = scapy_source.ScapyCapture("lo", selection, is_promiscuous=False)
    try:
        send_datagrams(30)
        send_datagrams(5, port=OTHER_PORT)
        frames = frames_until_quiet(capture)
        assert [int.from_bytes(payload[:4]) for payload in payloads(frames)] == list(range(30))
        excluded = EndLists(source_networks=(ip_network("127.0.0.0/8"),))
        assert capture.select(Selection(selection.ports, exclude=excluded))
        send_datagrams(5)
        assert frames_until_quiet(capture) == []
    finally:
        capture.close()
    with pytest.raises(CaptureRefused, match="nowhere: scapy cannot capture it"):
        scapy_source.ScapyCapture("nowhere", selection, is_promiscuous=False)


def test_unknown_interface_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(CaptureRefused, match=r"nowhere: no such interface; there are lo"):
        open_capture("nowhere", CaptureOptions(Selection()), fail_if_refused)


def test_promiscuous_mode_is_off_unless_asked_for(opened: Opener) -> None:
    ip("link add left type veth peer name right")
    ip("link set right up")

    def promiscuity() -> str:
        command = ["ip", "-d", "link", "show", "right"]
        shown = subprocess.run(command, check=True, capture_output=True, text=True)
        return shown.stdout.split("promiscuity ")[1].split()[0]

    opened("right")
    assert promiscuity() == "0"
    opened("right", is_promiscuous=True)
    assert promiscuity() == "1"


def test_offloads_are_those_that_ethtool_shows() -> None:
    ip("link add left type veth peer name right")
    states = offloads("left")
    assert {"gro", "gso", "lro", "rx_checksum", "tso", "tx_checksum"} <= set(states)
    assert states["lro"] is False  # veth has none
    assert offloads("nowhere") == {}

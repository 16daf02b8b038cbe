"""A packet socket on one interface (packet(7)): filter, link type, and the kernel's count of lost frames.

Constants are of Linux include/uapi/linux/if_packet.h; the module `socket` names none of them.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from dataclasses import dataclass

from capture_agent.capture.kernel_filter import attach, compile_port_filter
from capture_agent.wire.link import LINKTYPE_ETHERNET, LINKTYPE_RAW

SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_STATISTICS = 6
PACKET_IGNORE_OUTGOING = 23
PACKET_MR_PROMISC = 1
ETH_P_ALL = 0x0003
SIOCGIFHWADDR = 0x8927
ARPHRD_ETHER, ARPHRD_LOOPBACK = 1, 772

CAPABILITY_ADVICE = (
    "capturing needs the capability CAP_NET_RAW: run as root, or let systemd grant it "
    "(AmbientCapabilities=CAP_NET_RAW), or start with `setpriv --ambient-caps +net_raw --inh-caps +net_raw`"
)


class CaptureRefused(Exception):  # noqa: N818 - named for what the kernel did
    """An interface cannot be captured; the text names it and says why."""


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """What an operator chooses for each interface."""

    ports: frozenset[int]
    """Frames from and to these are captured; all frames if it is empty."""
    is_promiscuous: bool = False
    """Also take frames for other hosts, for a port that a switch mirrors traffic to."""
    ring_bytes: int = 32 << 20
    """Memory of the ring: what arrives while the agent is busy must fit, or is lost and counted."""


@dataclass(frozen=True, slots=True)
class PacketSocket:
    """A socket that is set up but receives nothing before `start`."""

    socket: socket.socket
    interface: str
    link_type: int

    def start(self) -> None:
        """Begin to receive; what is set up before is in force from the first frame. Raises OSError."""
        self.socket.bind((self.interface, ETH_P_ALL))

    def take_drops(self) -> int:
        """Frames the kernel had no room for since the last call; reading sets its counters to zero."""
        # tpacket_stats_v3 begins as tpacket_stats: received (lost ones included), lost.
        statistics = self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12)
        _, drops = struct.unpack_from("=II", statistics)
        return int(drops)


def open_packet_socket(interface: str, options: CaptureOptions) -> PacketSocket:
    """A socket for one interface. Raises CaptureRefused."""
    try:
        hardware = _hardware_type(interface)
    except OSError as error:
        raise CaptureRefused(_reason(interface, error)) from error
    has_ethernet_header = hardware in (ARPHRD_ETHER, ARPHRD_LOOPBACK)
    # Interfaces without Ethernet (tunnels, PPP) differ in their headers; SOCK_DGRAM leaves them out.
    kind = socket.SOCK_RAW if has_ethernet_header else socket.SOCK_DGRAM
    try:
        receiver = socket.socket(socket.AF_PACKET, kind, 0)
    except PermissionError as error:
        raise CaptureRefused(f"{interface}: {CAPABILITY_ADVICE}") from error
    try:
        attach(receiver, compile_port_filter(options.ports, has_ethernet_header=has_ethernet_header))
        if hardware == ARPHRD_LOOPBACK:
            # Loopback shows every packet twice, as it leaves and as it arrives.
            receiver.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        if options.is_promiscuous:
            membership = struct.pack("=iHH8x", socket.if_nametoindex(interface), PACKET_MR_PROMISC, 0)
            receiver.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
    except OSError as error:
        receiver.close()
        raise CaptureRefused(_reason(interface, error)) from error
    return PacketSocket(receiver, interface, LINKTYPE_ETHERNET if has_ethernet_header else LINKTYPE_RAW)


def interface_names() -> list[str]:
    """Interfaces of this machine."""
    return [name for _, name in socket.if_nameindex()]


def _hardware_type(interface: str) -> int:
    request = struct.pack("16s16x", interface.encode())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        answer: bytes = fcntl.ioctl(asking, SIOCGIFHWADDR, request + bytes(8))
    return int(struct.unpack_from("=H", answer, 16)[0])


def _reason(interface: str, error: OSError) -> str:
    if error.errno == errno.ENODEV:
        return f"{interface}: no such interface; there are {', '.join(interface_names())}"
    return f"{interface}: {error.strerror}"

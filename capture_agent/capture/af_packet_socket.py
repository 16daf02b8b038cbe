"""A packet socket on one interface (packet(7)): filter, link type, and the kernel's count of lost frames.

Constants are of Linux include/uapi/linux/if_packet.h; the module `socket` names none of them.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from dataclasses import dataclass

from capture_agent.capture.kernel_filter import attach
from capture_agent.selection import Selection
from capture_agent.wire.link import LINKTYPE_ETHERNET, LINKTYPE_RAW

SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_STATISTICS = 6
PACKET_FANOUT = 18
PACKET_IGNORE_OUTGOING = 23
PACKET_MR_PROMISC = 1
PACKET_FANOUT_HASH = 0
PACKET_FANOUT_FLAG_UNIQUEID = 0x2000
PACKET_FANOUT_FLAG_IGNORE_OUTGOING = 0x4000
PACKET_FANOUT_FLAG_DEFRAG = 0x8000
ETH_P_ALL = 0x0003
SIOCGIFHWADDR = 0x8927
ARPHRD_ETHER, ARPHRD_LOOPBACK = 1, 772

CAPABILITY_ADVICE = (
    "capturing needs the capability CAP_NET_RAW: run as root, or let systemd grant it "
    "(AmbientCapabilities=CAP_NET_RAW), or start with `setpriv --ambient-caps +net_raw --inh-caps +net_raw`"
)


class CaptureRefused(Exception):  # noqa: N818 - named for what the kernel did
    """An interface cannot be captured; the text names it and says why."""


class Fanout:
    """Sockets among which the kernel deals an interface's frames out, both directions of a connection to the
    same one (fanout_demux_hash in Linux net/packet/af_packet.c uses a symmetric hash, since 4.8)."""

    def __init__(self) -> None:
        self._group: int | None = None

    def join(self, receiver: socket.socket, *, ignores_outgoing: bool) -> None:
        """Make the group, or join it; `receiver` must be bound. Raises OSError."""
        # Fragments are put together first: later ones have no ports to hash, and would go to another socket.
        flags = PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG
        if ignores_outgoing:
            flags |= PACKET_FANOUT_FLAG_IGNORE_OUTGOING
        if self._group is None:
            unique = (flags | PACKET_FANOUT_FLAG_UNIQUEID) << 16
            receiver.setsockopt(SOL_PACKET, PACKET_FANOUT, struct.pack("=I", unique))
            self._group = receiver.getsockopt(SOL_PACKET, PACKET_FANOUT) & 0xFFFF
        else:
            receiver.setsockopt(SOL_PACKET, PACKET_FANOUT, struct.pack("=I", flags << 16 | self._group))


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """What an operator chooses for each interface."""

    selection: Selection
    """Frames of these connections are captured."""
    is_promiscuous: bool = False
    """Also take frames for other hosts, for a port that a switch mirrors traffic to."""
    ring_bytes: int = 32 << 20
    """Memory of the ring: what arrives while the agent is busy must fit, or is lost and counted."""
    fanout: Fanout | None = None
    """Shares the interface's frames with the other sockets of this group."""


@dataclass(frozen=True, slots=True)
class PacketSocket:
    """A socket that is set up but receives nothing before `start`."""

    socket: socket.socket
    interface: str
    link_type: int
    is_loopback: bool
    fanout: Fanout | None

    def start(self) -> None:
        """Begin to receive; what is set up before is in force from the first frame. Raises OSError."""
        self.socket.bind((self.interface, ETH_P_ALL))
        if self.fanout is not None:
            self.fanout.join(self.socket, ignores_outgoing=self.is_loopback)

    def select(self, selection: Selection) -> bool:
        """Replace what is captured, at once; False if the kernel selects by ports alone. Raises OSError."""
        return attach(self.socket, selection, has_ethernet_header=self.link_type == LINKTYPE_ETHERNET)

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
        attach(receiver, options.selection, has_ethernet_header=has_ethernet_header)
        if hardware == ARPHRD_LOOPBACK:
            # Loopback shows every packet twice, as it leaves and as it arrives.
            receiver.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        if options.is_promiscuous:
            membership = struct.pack("=iHH8x", socket.if_nametoindex(interface), PACKET_MR_PROMISC, 0)
            receiver.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
    except OSError as error:
        receiver.close()
        raise CaptureRefused(_reason(interface, error)) from error
    link_type = LINKTYPE_ETHERNET if has_ethernet_header else LINKTYPE_RAW
    return PacketSocket(receiver, interface, link_type, hardware == ARPHRD_LOOPBACK, options.fanout)


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

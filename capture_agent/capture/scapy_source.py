"""Frames through scapy: captures in formats only it reads, packets made in a session, any interface.

The only file that imports scapy (GPL-2.0), which is optional: `pip install ja4-platform[scapy]`.
The agent's own readers are a hundred times as fast; this is for experiments and odd platforms.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from scapy.all import conf
from scapy.data import MTU
from scapy.error import Scapy_Exception
from scapy.packet import Packet
from scapy.utils import PcapReader

from capture_agent.capture.af_packet_socket import CaptureRefused
from capture_agent.capture.errors import CaptureFileError
from capture_agent.selection import Selection
from capture_agent.wire.frame import Frame, frame_of
from capture_agent.wire.link import LINK_LAYERS, link_type_name
from capture_agent.wire.packet import PacketDecoder

FRAMES_PER_READ = 256


def frame_of_packet(packet: Packet) -> Frame:
    """The frame of a scapy packet: its captured bytes, its time, and the link type of its outermost layer.

    Raises ValueError if that layer is no link layer that can be read.
    """
    link_type = conf.l2types.layer2num.get(type(packet))
    if link_type not in LINK_LAYERS:
        name = type(packet).__name__ if link_type is None else link_type_name(link_type)
        raise ValueError(f"unknown link type: {name} is not supported")
    octets = packet.original or bytes(packet)
    return frame_of(octets, int(packet.time * 1_000_000), link_type, packet.wirelen)


class ScapySource:
    """Frames of any iterable of scapy packets, such as a list or a PcapReader."""

    def __init__(self, packets: Iterable[Packet]) -> None:
        self._packets = packets

    def __iter__(self) -> Iterator[Frame]:
        return map(frame_of_packet, self._packets)


def open_with_scapy(path: Path) -> ScapySource:
    """A capture file through scapy, which also reads gzip-compressed ones; CaptureFileError if it cannot."""
    try:
        return ScapySource(PcapReader(str(path)))
    except Exception as error:
        raise CaptureFileError(path, 0, f"scapy cannot read it: {error}") from error


class ScapyCapture:
    """A running capture of one interface through scapy, for systems without packet sockets of Linux."""

    def __init__(self, interface: str, selection: Selection, *, is_promiscuous: bool) -> None:
        """Start. Raises CaptureRefused."""
        self.name = interface
        self._selection = selection
        self._decoder = PacketDecoder()
        self._delivered_until_us = 0
        try:
            self._socket = conf.L2listen(iface=interface, promisc=is_promiscuous)
        except (OSError, Scapy_Exception, ValueError) as error:
            raise CaptureRefused(f"{interface}: scapy cannot capture it: {error}") from error
        self._is_on_loopback = interface == conf.loopback_name
        self._last_octets = b""

    def read(self, timeout_s: float) -> Sequence[Frame]:
        """Wanted frames that wait, at most FRAMES_PER_READ. Raises OSError."""
        began_us = time.time_ns() // 1_000
        frames: list[Frame] = []
        wait_s = timeout_s
        while len(frames) < FRAMES_PER_READ and self._socket.select([self._socket], wait_s):
            wait_s = 0
            packet = self._socket.recv(MTU)
            if packet is not None and not self._is_second_look(packet):
                frames.append(frame_of_packet(packet))
        if not frames:
            self._delivered_until_us = began_us
        return list(self._selection.wanted_frames(frames, self._decoder))

    def delivered_until_us(self) -> int:
        """Time before which every frame has been read, as of the last read without frames."""
        return self._delivered_until_us

    def fill_ratio(self) -> float:
        """Unknown to scapy."""
        return 0.0

    def take_drops(self) -> int:
        """Unknown to scapy: what it loses is not counted."""
        return 0

    def select(self, selection: Selection) -> bool:
        """Replace what is captured, at once."""
        self._selection = selection
        return True

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _is_second_look(self, packet: Packet) -> bool:
        """Loopback shows a packet as it leaves and again as it arrives."""
        if not self._is_on_loopback:
            return False
        octets = packet.original or bytes(packet)
        is_second = octets == self._last_octets
        self._last_octets = b"" if is_second else octets
        return is_second

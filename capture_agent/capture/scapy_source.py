"""Frames through scapy: captures in formats only it reads, packets made in a session, any interface.

The only file that imports scapy (GPL-2.0), which is optional: `pip install ja4-platform[scapy]`.
The agent's own readers are a hundred times as fast; this is for experiments and odd platforms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from scapy.config import conf
from scapy.data import MTU
from scapy.packet import Packet
from scapy.utils import PcapReader

from capture_agent.capture.errors import CaptureFileError
from capture_agent.wire.frame import Frame, frame_of
from capture_agent.wire.link import LINK_LAYERS, link_type_name


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
    """Frames of any iterable of scapy packets, such as a list, a PcapReader or a running sniffer's queue."""

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


def listen_with_scapy(interface: str) -> Iterator[Frame]:
    """Frames of a network interface until the caller stops; needs the rights to capture."""
    with conf.L2listen(iface=interface) as socket:
        while True:
            packet = socket.recv(MTU)
            if packet is not None:
                yield frame_of_packet(packet)

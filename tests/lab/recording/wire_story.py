"""What of a raw capture is worth keeping: each connection's SYN, hello and end; QUIC's first datagrams."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
TLS_HANDSHAKE = 0x16
MOST_OF_OTHER = 2_048
"""Octets kept of a stream that is not TLS."""
_RECORD = struct.Struct("<IIII")
Key = tuple[str, int, str]


@dataclass(slots=True)
class SeenConnection:
    """One TCP connection from its SYN; all times of the lab's clock, us."""

    src: str
    src_port: int
    dst: str
    syn_us: int
    ttl: int
    window: int
    options: bytes
    first_seq: int
    ack_us: int | None = None
    segments: list[tuple[int, int, bytes]] = field(default_factory=list)
    """(time, offset in the stream, octets) as they came, up to the end of the hello."""
    end_us: int | None = None
    ended_by_server: bool = False
    is_reset: bool = False

    def opening(self) -> tuple[int, bytes]:
        """(time of its last segment, octets) of the hello, or of the beginning of something else."""
        stream, last_us = b"", 0
        for at_us, offset, octets in sorted(self.segments, key=lambda one: one[1]):
            if offset > len(stream):
                break
            if len(stream) >= self._wanted(stream):
                break
            stream, last_us = stream[:offset] + octets, max(last_us, at_us)
        return last_us, stream[: self._wanted(stream)]

    @staticmethod
    def _wanted(stream: bytes) -> int:
        """Octets up to the end of the stream's hello, as far as it can be told (RFC 8446 section 5.1)."""
        if stream[:1] != bytes((TLS_HANDSHAKE,)):
            return MOST_OF_OTHER
        at, message = 0, b""
        # A hello may be spread over several records.
        while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4], "big"):
            if len(stream) < at + 5:
                return at + 5
            if stream[at] != TLS_HANDSHAKE:
                return at
            end = at + 5 + int.from_bytes(stream[at + 3 : at + 5], "big")
            message += stream[at + 5 : end]
            if len(stream) < end:
                return end
            at = end
        return at


@dataclass(frozen=True, slots=True)
class SeenDatagram:
    """A client's QUIC packet with a long header."""

    at_us: int
    src: str
    src_port: int
    dst: str
    payload: bytes


@dataclass(slots=True)
class WireStory:
    """Everything kept of a capture."""

    connections: list[SeenConnection] = field(default_factory=list)
    datagrams: list[SeenDatagram] = field(default_factory=list)


def read_story(capture: Path, server_port: int = 443) -> WireStory:
    """Read a little-endian microsecond Ethernet pcap of IPv4 without fragments, as the lab's are."""
    story = WireStory()
    current: dict[Key, SeenConnection] = {}
    for at_us, frame in _frames(capture):
        if frame[12:14] != b"\x08\x00":
            continue
        start = 14 + (frame[14] & 15) * 4
        total = 14 + int.from_bytes(frame[16:18], "big")
        source, target = _text(frame[26:30]), _text(frame[30:34])
        src_port, dst_port = struct.unpack_from(">HH", frame, start)
        if frame[23] == 17 and dst_port == server_port:
            payload = frame[start + 8 : total]
            if payload and payload[0] & 0xC0 == 0xC0:
                story.datagrams.append(SeenDatagram(at_us, source, src_port, target, payload))
        elif frame[23] == 6 and dst_port == server_port:
            segment = (at_us, frame[22], memoryview(frame)[start:total])
            _from_client(story, current, (source, src_port, target), segment)
        elif frame[23] == 6 and (seen := current.get((target, dst_port, source))) is not None:
            flags = frame[start + 13]
            if flags & (FIN | RST) and seen.end_us is None:
                seen.end_us, seen.ended_by_server, seen.is_reset = at_us, True, bool(flags & RST)
    return story


def _from_client(
    story: WireStory, current: dict[Key, SeenConnection], key: Key, segment: tuple[int, int, memoryview]
) -> None:
    at_us, ttl, tcp = segment
    seq, flags, header = int.from_bytes(tcp[4:8], "big"), tcp[13], (tcp[12] >> 4) * 4
    if flags & SYN and not flags & ACK:
        known = current.get(key)
        if known is not None and known.first_seq == seq + 1:
            return
        seen = SeenConnection(
            *key, at_us, ttl, int.from_bytes(tcp[14:16], "big"), bytes(tcp[20:header]), (seq + 1) & 0xFFFFFFFF
        )
        current[key] = seen
        story.connections.append(seen)
        return
    found = current.get(key)
    if found is None:
        return
    if found.ack_us is None and flags & ACK:
        found.ack_us = at_us
    if len(tcp) > header:
        offset = (seq - found.first_seq) & 0xFFFFFFFF
        if offset < 20_000:
            found.segments.append((at_us, offset, bytes(tcp[header:])))
    if flags & (FIN | RST) and found.end_us is None:
        found.end_us, found.is_reset = at_us, bool(flags & RST)


def _text(octets: bytes) -> str:
    return str(IPv4Address(octets))


def _frames(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb", buffering=1 << 20) as file:
        magic, *_, link_type = struct.unpack("<IHHiIII", file.read(24))
        if magic != 0xA1B2C3D4 or link_type != 1:
            raise ValueError(f"{path}: not a little-endian microsecond Ethernet pcap")
        while len(head := file.read(_RECORD.size)) == _RECORD.size:
            seconds, micros, captured, _ = _RECORD.unpack(head)
            yield seconds * 1_000_000 + micros, file.read(captured)

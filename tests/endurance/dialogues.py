"""Recorded TLS connections as frames that can be sent again under other addresses.

Each frame is as it was recorded but for the addresses and ports, and for what a client draws anew for every
connection: random, session id, key shares, tickets (`capture_agent.fingerprint.skeleton.noise`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from capture_agent.capture.files import open_capture
from capture_agent.fingerprint.skeleton import noise
from capture_agent.wire.client_hello import parse_client_hello

ETHERNET_BYTES = 14
IPV4_ETHERTYPE = b"\x08\x00"
TCP = 6
SYN, FIN, RST = 0x02, 0x01, 0x04
TLS_PORT = 443
RECORD_HEADER_BYTES = 5
SOURCE_AT, DESTINATION_AT = ETHERNET_BYTES + 12, ETHERNET_BYTES + 16
SOURCE_PORT_AT, DESTINATION_PORT_AT = ETHERNET_BYTES + 20, ETHERNET_BYTES + 22
MAX_FRAMES, MAX_FRAME_BYTES = 24, 1_514


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """One frame and where its client stands in it."""

    octets: bytes
    is_from_client: bool
    noise: tuple[int, ...] = ()
    """Offsets of octets that the client draws anew."""

    @property
    def client_at(self) -> int:
        """Offset of the client's IPv4 address."""
        return SOURCE_AT if self.is_from_client else DESTINATION_AT

    @property
    def client_port_at(self) -> int:
        """Offset of the client's port."""
        return SOURCE_PORT_AT if self.is_from_client else DESTINATION_PORT_AT


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One connection: the frames up to its last data, and those that close it."""

    client: str
    opening: tuple[RecordedFrame, ...]
    closing: tuple[RecordedFrame, ...]


@dataclass(slots=True)
class _Flow:
    frames: list[tuple[bytes, bool, int, bytes]] = field(default_factory=list)
    """Octets, whether the client sent them, TCP flags, payload."""


def recorded_dialogues(folder: Path, server: bytes, server_mac: bytes) -> list[Dialogue]:
    """One whole connection out of each capture that has a short one, as spoken to another server.

    `server`: its IPv4 address; `server_mac` is written into every frame, so that the far end of the cable
    takes it for its own.
    """
    found = []
    for path in sorted(folder.glob("*.pcap")):
        dialogue = _maybe_dialogue(path, server, server_mac)
        if dialogue is not None:
            found.append(dialogue)
    return found


def _maybe_dialogue(path: Path, server: bytes, server_mac: bytes) -> Dialogue | None:
    for flow in _flows(path):
        flags = [one[2] for one in flow.frames]
        if not (4 < len(flags) <= MAX_FRAMES and flags[0] == SYN and any(flag & FIN for flag in flags)):
            continue
        noisy = _maybe_noise(flow)
        if noisy is None or any(len(one[0]) > MAX_FRAME_BYTES or one[2] & RST for one in flow.frames):
            continue
        frames = [
            RecordedFrame(_readdressed(octets, is_client, server, server_mac), is_client, noisy.get(at, ()))
            for at, (octets, is_client, _, _) in enumerate(flow.frames)
        ]
        end = next(at for at, flag in enumerate(flags) if flag & FIN)
        return Dialogue(path.stem, tuple(frames[:end]), tuple(frames[end:]))
    return None


def _flows(path: Path) -> Sequence[_Flow]:
    flows: dict[tuple[bytes, bytes], _Flow] = {}
    with open_capture(path) as capture:
        for frame in capture:
            octets = bytes(frame.buffer[frame.offset : frame.offset + frame.length])
            if octets[12:14] != IPV4_ETHERTYPE or octets[14] != 0x45 or octets[23] != TCP:
                continue
            ports = [
                int.from_bytes(octets[at : at + 2], "big") for at in (SOURCE_PORT_AT, DESTINATION_PORT_AT)
            ]
            if TLS_PORT not in ports:
                continue
            is_client = ports[1] == TLS_PORT
            address = octets[SOURCE_AT:][:4] if is_client else octets[DESTINATION_AT:][:4]
            port = octets[SOURCE_PORT_AT:][:2] if is_client else octets[DESTINATION_PORT_AT:][:2]
            total = int.from_bytes(octets[16:18], "big")
            data_at = ETHERNET_BYTES + 20 + (octets[46] >> 4) * 4
            payload = octets[data_at : ETHERNET_BYTES + total]
            one = (octets[: ETHERNET_BYTES + total], is_client, octets[47], payload)
            flows.setdefault((address, port), _Flow()).frames.append(one)
    return list(flows.values())


def _maybe_noise(flow: _Flow) -> dict[int, tuple[int, ...]] | None:
    """Offsets in each frame that carries part of the hello; None if it is not one record from the start."""
    carrying = [(at, one) for at, one in enumerate(flow.frames) if one[1] and one[3]]
    stream = b"".join(one[3] for _, one in carrying)
    if stream[:1] != b"\x16":
        return None
    length = int.from_bytes(stream[3:5], "big")
    message = stream[RECORD_HEADER_BYTES : RECORD_HEADER_BYTES + length]
    if int.from_bytes(message[1:4], "big") + 4 != len(message):
        return None
    drawn = [
        RECORD_HEADER_BYTES + at
        for start, end in noise(parse_client_hello(message))
        for at in range(start, end)
    ]
    offsets: dict[int, tuple[int, ...]] = {}
    passed = 0
    for at, (octets, _, _, payload) in carrying:
        base = len(octets) - len(payload) - passed
        inside = [base + one for one in drawn if passed <= one < passed + len(payload)]
        if inside:
            offsets[at] = tuple(inside)
        passed += len(payload)
    return offsets


def _readdressed(octets: bytes, is_client: bool, server: bytes, server_mac: bytes) -> bytes:
    changed = bytearray(octets)
    changed[0:6] = server_mac
    changed[6:12] = b"\x02\0\0\0\0\x01"
    at = DESTINATION_AT if is_client else SOURCE_AT
    changed[at : at + 4] = server
    return bytes(changed)

"""Builds large captures out of the bundled recording: the same frames, other client addresses.

Each copy of the recording gets a client network of its own, and `INTERLEAVED_COPIES` copies run at the
same time, frame by frame, so that a reader has to keep that many connections apart. Payloads, ports,
sequence numbers and TCP options stay as recorded. `bulk` puts a download into each connection, for a
share of packets without a handshake as on a web server; without it the share is that of short visits.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RECORDING = Path(__file__).resolve().parent.parent / "sample_traffic" / "recording" / "pcaps"
INTERLEAVED_COPIES = 64
MAX_SEGMENT_BYTES = 1448
SERVER_PORT = 443

_FILE_HEADER = struct.Struct("<IHHiIII")
_RECORD_HEADER = struct.Struct("<IIII")
_ETHERTYPE_IPV4 = b"\x08\x00"
_TCP = 6
_PCAP_MAGIC = 0xA1B2C3D4


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """One Ethernet frame with the places of the client's address and of the header checksum."""

    data: bytes
    client_offset: int
    is_from_client: bool


def recorded_tcp_frames(folder: Path = RECORDING) -> list[RecordedFrame]:
    """All IPv4 TCP frames of the recording, file after file, in time order within a file."""
    frames = []
    for path in sorted(folder.glob("*.pcap")):
        content = path.read_bytes()
        position = _FILE_HEADER.size
        while position < len(content):
            _, _, captured, _ = _RECORD_HEADER.unpack_from(content, position)
            position += _RECORD_HEADER.size
            frame = content[position : position + captured]
            position += captured
            if frame[12:14] == _ETHERTYPE_IPV4 and frame[23] == _TCP:
                destination_port = struct.unpack_from(">H", frame, 16 + (frame[14] & 15) * 4)[0]
                is_from_client = destination_port == SERVER_PORT
                frames.append(RecordedFrame(frame, 26 if is_from_client else 30, is_from_client))
    return frames


def write_capture(path: Path, packets: int, bulk: int = 0) -> int:
    """Write a pcap of at least `packets` frames; returns how many.

    `bulk` is the number of full segments that the server sends after each of its data segments.
    """
    frames = recorded_tcp_frames()
    written = 0
    with path.open("wb") as out:
        out.write(_FILE_HEADER.pack(_PCAP_MAGIC, 2, 4, 0, 0, 262144, 1))
        now_us = 1_795_000_000_000_000
        copy = 0
        while written < packets:
            for frame in frames:
                # Written frame by frame: a child process starts with the peak memory of this one.
                chunk = bytearray()
                for lane in range(INTERLEAVED_COPIES):
                    for data in _frames_of_copy(frame, copy + lane, bulk):
                        now_us += 3
                        chunk += _RECORD_HEADER.pack(now_us // 10**6, now_us % 10**6, len(data), len(data))
                        chunk += data
                        written += 1
                out.write(chunk)
            copy += INTERLEAVED_COPIES
    return written


def _frames_of_copy(frame: RecordedFrame, copy: int, bulk: int) -> Iterator[bytes]:
    data = bytearray(frame.data)
    # The client becomes 10.x.y.z: 16 bits from the copy, 8 bits from the recorded address.
    third, fourth = data[frame.client_offset + 2], data[frame.client_offset + 3]
    client = (copy << 8 | (third << 6 ^ fourth) & 0xFF) & 0xFFFFFF
    data[frame.client_offset : frame.client_offset + 4] = b"\x0a" + client.to_bytes(3, "big")
    _correct_ip_checksum(data)
    yield bytes(data)
    has_payload = len(data) > 14 + 20 + (data[46] >> 4) * 4
    if bulk and has_payload and not frame.is_from_client:
        header = data[: 34 + (data[46] >> 4) * 4]
        header[16:18] = (len(header) - 14 + MAX_SEGMENT_BYTES).to_bytes(2, "big")
        _correct_ip_checksum(header)
        # Application data of the connection that follows; only the handshake direction matters to readers.
        segment = bytes(header) + b"\x17\x03\x03\x40\x00" + bytes(MAX_SEGMENT_BYTES - 5)
        for _ in range(bulk):
            yield segment


def _correct_ip_checksum(data: bytearray) -> None:
    data[24:26] = b"\x00\x00"
    total = sum(struct.unpack_from(">10H", data, 14))
    total = (total & 0xFFFF) + (total >> 16)
    data[24:26] = (~(total + (total >> 16)) & 0xFFFF).to_bytes(2, "big")

"""Builds large captures out of the bundled recording: the same frames, other client addresses.

Each copy of the recording gets a client network of its own, and `INTERLEAVED_COPIES` copies run at the
same time, frame by frame, so that a reader has to keep that many connections apart. Ports, sequence
numbers, TCP options and payloads stay as recorded, but each copy of a hello is varied as `varied_hello`
says, unless `Permuted.RECORDED` is asked for. `bulk` puts a download into each connection, for a share of
packets without a handshake as on a web server; without it the share is that of short visits.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from varied_hello import HelloTemplate, Permuted

from capture_agent.wire.errors import Malformed

RECORDING = Path(__file__).resolve().parent.parent / "sample_traffic" / "recording" / "pcaps"
INTERLEAVED_COPIES = 64
MAX_SEGMENT_BYTES = 1448
SERVER_PORT = 443

_FILE_HEADER = struct.Struct("<IHHiIII")
_RECORD_HEADER = struct.Struct("<IIII")
_ETHERTYPE_IPV4 = b"\x08\x00"
_TCP, _SYN = 6, 0x02
_PCAP_MAGIC = 0xA1B2C3D4
_TLS_RECORD_BYTES, _HANDSHAKE_RECORD = 5, b"\x16\x03"


@dataclass(slots=True)
class RecordedStream:
    """The client's half of one connection up to the end of its hello."""

    number: int
    first_seq: int
    octets: bytes = b""
    template: HelloTemplate | None = None
    """Set once the hello is whole."""
    varied: dict[int, bytes] = field(default_factory=dict)
    """Copy -> the record of its hello, for the copies that run."""

    def take(self, seq: int, payload: bytes, permuted: Permuted) -> int | None:
        """Note a segment; its place in the record of the hello, None if it brings nothing of it."""
        at = (seq - self.first_seq) & 0xFFFF_FFFF
        if at == len(self.octets) and self.template is None:
            self.octets += payload
            size = _TLS_RECORD_BYTES + int.from_bytes(self.octets[3:5], "big")
            if len(self.octets) == size and self.octets[:2] == _HANDSHAKE_RECORD:
                with suppress(Malformed):
                    self.template = HelloTemplate.of_message(self.octets[_TLS_RECORD_BYTES:], permuted)
        return at if at + len(payload) <= len(self.octets) else None

    def record_of(self, copy: int) -> bytes | None:
        """The record of the hello in one copy of the connection; None if it never came whole."""
        if self.template is None:
            return None
        record = self.varied.get(copy)
        if record is None:
            if len(self.varied) >= INTERLEAVED_COPIES:
                self.varied.clear()
            rng = Random(self.number << 32 | copy)
            record = self.octets[:_TLS_RECORD_BYTES] + self.template.varied(rng)
            self.varied[copy] = record
        return record


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """One Ethernet frame with the place of the client's address and what it brings of a hello."""

    data: bytes
    client_offset: int
    is_from_client: bool
    payload_offset: int
    stream: RecordedStream | None
    """The connection of whose hello the payload is a part."""
    hello_offset: int
    """The payload's place in the record of that hello."""


def recorded_tcp_frames(permuted: Permuted, folder: Path = RECORDING) -> list[RecordedFrame]:
    """All IPv4 TCP frames of the recording, file after file, in time order within a file."""
    frames = []
    streams: dict[bytes, RecordedStream] = {}
    for path in sorted(folder.glob("*.pcap")):
        content = path.read_bytes()
        position = _FILE_HEADER.size
        while position < len(content):
            _, _, captured, _ = _RECORD_HEADER.unpack_from(content, position)
            position += _RECORD_HEADER.size
            data = content[position : position + captured]
            position += captured
            if data[12:14] == _ETHERTYPE_IPV4 and data[23] == _TCP:
                frames.append(_recorded_frame(data, streams, permuted))
    return frames


def _recorded_frame(data: bytes, streams: dict[bytes, RecordedStream], permuted: Permuted) -> RecordedFrame:
    tcp = 14 + (data[14] & 15) * 4
    is_from_client = struct.unpack_from(">H", data, tcp + 2)[0] == SERVER_PORT
    client_offset = 26 if is_from_client else 30
    payload_offset = tcp + (data[tcp + 12] >> 4) * 4
    end = 14 + struct.unpack_from(">H", data, 16)[0]
    stream, hello_offset = None, None
    if is_from_client:
        key, seq = data[26:38], struct.unpack_from(">I", data, tcp + 4)[0]
        if data[tcp + 13] & _SYN:
            streams[key] = RecordedStream(len(streams), (seq + 1) & 0xFFFF_FFFF)
        elif key in streams and end > payload_offset and permuted is not Permuted.RECORDED:
            stream = streams[key]
            hello_offset = stream.take(seq, data[payload_offset:end], permuted)
    return RecordedFrame(
        data,
        client_offset,
        is_from_client,
        payload_offset,
        None if hello_offset is None else stream,
        hello_offset or 0,
    )


def write_capture(path: Path, packets: int, bulk: int = 0, permuted: Permuted = Permuted.CHROMIUM) -> int:
    """Write a pcap of at least `packets` frames; returns how many.

    `bulk` is the number of full segments that the server sends after each of its data segments.
    """
    frames = recorded_tcp_frames(permuted)
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
    record = None if frame.stream is None else frame.stream.record_of(copy)
    if record is not None:
        data[frame.payload_offset :] = record[frame.hello_offset :][: len(data) - frame.payload_offset]
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

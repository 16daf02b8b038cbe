"""Reads the bundled recording: the handshakes and header sets that real clients sent."""

from __future__ import annotations

import csv
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from capture_agent.events import HttpEvent

RECORDING = Path(__file__).parent / "recording"
SERVER_PORT = 443

_PCAP_MICROSECONDS = 0xA1B2C3D4
_PCAP_HEADER = struct.Struct("<IHHiIII")
_RECORD_HEADER = struct.Struct("<IIII")
_ETHERNET_IPV4 = b"\x08\x00"
_TCP = 6
_SYN, _ACK = 0x02, 0x10


class RecordingError(ValueError):
    """A file of the recording is not what `recording/README.md` says it is."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What one client sent to open one TLS connection."""

    src_ip: str
    src_port: int
    ttl: int
    window: int
    tcp_options: bytes
    """Options of the SYN as sent, padding included."""
    hello_record: bytes
    """TLS record header and ClientHello, as sent; may span several segments."""
    syn_to_hello_us: int
    """From the SYN to the first byte of the hello; on loopback the client's own thinking time."""


def client_handshakes(path: Path) -> list[Handshake]:
    """Handshakes in a capture, in order of their SYN; connections without a whole hello are left out."""
    syns: dict[tuple[bytes, int], tuple[int, int, int, int, bytes]] = {}
    payloads: dict[tuple[bytes, int], list[tuple[int, int, bytes]]] = {}
    for ts_us, frame in _frames(path):
        if frame[12:14] != _ETHERNET_IPV4 or frame[23] != _TCP:
            continue
        ip_length = (frame[14] & 15) * 4
        ip_total = int.from_bytes(frame[16:18], "big")
        tcp = frame[14 + ip_length : 14 + ip_total]
        src_port, dst_port, seq = struct.unpack_from(">HHI", tcp)
        if dst_port != SERVER_PORT:
            continue
        key = (frame[26:30], src_port)
        data_offset, flags = (tcp[12] >> 4) * 4, tcp[13]
        if flags & _SYN and not flags & _ACK:
            window = int.from_bytes(tcp[14:16], "big")
            syns[key] = (ts_us, seq, frame[22], window, tcp[20:data_offset])
        elif key in syns and len(tcp) > data_offset:
            payloads.setdefault(key, []).append((ts_us, seq, tcp[data_offset:]))
    handshakes = []
    for key, (syn_us, _, ttl, window, options) in syns.items():
        segments = payloads.get(key, [])
        stream = b"".join(payload for _, _, payload in segments)
        if stream[:1] != b"\x16" or len(stream) < 5:
            continue
        record = stream[: 5 + int.from_bytes(stream[3:5], "big")]
        handshakes.append(
            Handshake(
                src_ip=".".join(map(str, key[0])),
                src_port=key[1],
                ttl=ttl,
                window=window,
                tcp_options=options,
                hello_record=record,
                syn_to_hello_us=segments[0][0] - syn_us,
            )
        )
    return handshakes


def _frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """(time in us, Ethernet frame) of a microsecond little-endian pcap, the only form in the recording."""
    content = path.read_bytes()
    magic, *_, linktype = _PCAP_HEADER.unpack_from(content)
    if magic != _PCAP_MICROSECONDS or linktype != 1:
        raise RecordingError(f"{path}: not a little-endian microsecond Ethernet pcap")
    offset = _PCAP_HEADER.size
    while offset < len(content):
        seconds, microseconds, captured, _ = _RECORD_HEADER.unpack_from(content, offset)
        offset += _RECORD_HEADER.size
        yield seconds * 1_000_000 + microseconds, content[offset : offset + captured]
        offset += captured


@dataclass(frozen=True, slots=True)
class RecordedClient:
    """One client of the recording."""

    name: str
    tier: str
    ja4: tuple[str, ...]
    """As checked against an independent implementation; more than one if it resumed sessions."""
    handshakes: tuple[Handshake, ...]
    requests: tuple[HttpEvent, ...]


def load_recording(folder: Path = RECORDING) -> dict[str, RecordedClient]:
    """All TLS-over-TCP clients of the recording by name."""
    lines = (folder / "http_events.jsonl").read_bytes().splitlines()
    requests: dict[str, list[HttpEvent]] = {}
    for line in lines:
        event = msgspec.json.decode(line, type=HttpEvent)
        requests.setdefault(event.src_ip, []).append(event)
    clients = {}
    with (folder / "labels.tsv").open(newline="") as source:
        for row in csv.DictReader(source, delimiter="\t"):
            name = row["client"]
            handshakes = client_handshakes(folder / "pcaps" / f"{name}.pcap")
            if handshakes:
                clients[name] = RecordedClient(
                    name=name,
                    tier=row["tier"],
                    ja4=tuple(row["ja4"].split(";")),
                    handshakes=tuple(handshakes),
                    requests=tuple(requests.get(row["src_ip"], ())),
                )
    return clients

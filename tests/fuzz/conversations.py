"""Random traffic of TLS connections as frames: what clients, networks, captures and attackers do to them.

Deterministic for a `random.Random`. A draw is a short capture: a few connections between few addresses, so
that ports are reused, each cut, repeated, reordered, overlapped and ended anywhere, in one link layer.
"""

from __future__ import annotations

import itertools
import json
import random
import struct
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from capture_agent.wire.frame import Frame, frame_of

VECTORS = Path(__file__).parents[1] / "vectors" / "client_hello"
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
START_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
NULL, ETHERNET, RAW, SLL, IPV4, IPV6, SLL2 = 0, 1, 101, 113, 228, 229, 276
SSLV2 = bytes.fromhex("801f010301000600000010" + "01008000002f" + "5a" * 16)
CHANGE_CIPHER_SPEC = bytes.fromhex("140303000101")
KEY_EXCHANGE = bytes.fromhex("16030300061000000241c8")
PREAMBLES = (
    b"PROXY TCP4 192.0.2.1 198.51.100.1 5555 443\r\n",
    b"CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    b"EHLO client.test\r\nSTARTTLS\r\n",
    bytes.fromhex("0000000804d2162f"),
    bytes.fromhex("040101bbc0000201") + b"\0",
)
SYN_OPTIONS = (
    b"",
    bytes.fromhex("020405b4"),
    bytes.fromhex("020405b40402080a00000001000000000103030a"),
    bytes.fromhex("020405b40402080a00000000000000010103030f"),
    bytes.fromhex("01010402020405a00300ffff"),
    bytes.fromhex("080a1234567800000000000001010101"),
    bytes.fromhex("0204ffff000102030303"),
)


@cache
def hello_streams() -> tuple[bytes, ...]:
    """TLS records of real clients' hellos."""
    cases = [json.loads(path.read_text()) for path in sorted(VECTORS.glob("*.json"))]
    return tuple(bytes.fromhex(case["stream"]) for case in cases if "stream" in case)


@cache
def datagrams() -> tuple[bytes, ...]:
    """QUIC datagrams of real clients."""
    cases = [json.loads(path.read_text()) for path in sorted(VECTORS.glob("*.json"))]
    return tuple(bytes.fromhex(text) for case in cases for text in case.get("datagrams", ()))


def in_records(message: bytes, sizes: list[int]) -> bytes:
    """A handshake message spread over records of the given sizes, the rest in one more."""
    parts, at = [], 0
    for size in [*sizes, len(message)]:
        chunk = message[at : at + size]
        if chunk:
            parts.append(b"\x16\x03\x01" + len(chunk).to_bytes(2, "big") + chunk)
        at += size
    return b"".join(parts)


def with_early_data(stream: bytes) -> bytes:
    """A hello of one record with an empty early_data extension put at its end."""
    message = stream[5:]
    pos = 39 + message[38]
    pos += 2 + int.from_bytes(message[pos : pos + 2], "big")
    pos += 1 + message[pos]
    block = message[pos + 2 :] + b"\0\x2a\0\0"
    body = message[4:pos] + len(block).to_bytes(2, "big") + block
    return in_records(b"\x01" + len(body).to_bytes(3, "big") + body, [])


def hello_of(rng: random.Random) -> bytes:
    """Records of one hello: as sent, in several records, with early data, or damaged."""
    stream = rng.choice(hello_streams())
    kind = rng.randrange(10)
    if kind == 0:
        return in_records(stream[5:], [rng.choice((1, 3, 4, 5, 40, 200)) for _ in range(rng.randint(1, 3))])
    if kind == 1:
        return with_early_data(stream)
    if kind == 2:
        octets = bytearray(stream)
        for _ in range(rng.randint(1, 3)):
            octets[min(int(rng.expovariate(1 / 40)), len(octets) - 1)] = rng.choice((0, 1, 2, 3, 22, 255))
        return bytes(octets)
    if kind == 3:
        return stream[5:] and in_records(stream[5:] + rng.choice((b"\x14\0\0\0", stream[5:], b"\x01")), [])
    return stream


def client_stream(rng: random.Random) -> bytes:
    """Everything a client sends on one connection."""
    kind = rng.randrange(20)
    if kind == 0:
        return rng.choice((b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n", rng.randbytes(40), b"\x16\x03"))
    if kind == 1:
        return SSLV2 + rng.randbytes(rng.randrange(30))
    hello = hello_of(rng)
    stream = rng.choice(PREAMBLES) + hello if kind == 2 else hello
    if kind == 3:
        return stream[: rng.randrange(len(stream))]
    if b"\0\x2a\0\0" in hello and rng.random() < 0.7:
        stream += b"\x17\x03\x03\0\x20" + rng.randbytes(32)
    sealed = bytes((rng.choice((0, 1, 1, 2)),)) + rng.choice((bytes(7), rng.randbytes(7))) + rng.randbytes(32)
    after = rng.randrange(9)
    if after == 0:
        stream += CHANGE_CIPHER_SPEC * rng.randint(0, 2) + rng.choice((hello, hello, hello_of(rng)))
    elif after == 1:
        stream += CHANGE_CIPHER_SPEC + b"\x16\x03\x03\0\x28" + sealed
    elif after == 2:
        stream += KEY_EXCHANGE + CHANGE_CIPHER_SPEC + b"\x16\x03\x03\0\x28" + sealed
    elif after == 3:
        stream += rng.randbytes(rng.randint(1, 50))
    elif after == 4:
        stream += b"\x15\x03\x03\0\x02\x02\x28"
    elif after == 5:
        stream += b"\x16\x03\x03\0\0"
    else:
        stream += CHANGE_CIPHER_SPEC + b"\x17\x03\x03\0\x20" + rng.randbytes(32)
    return stream


@dataclass
class Segment:
    """One segment of either side, before it is framed."""

    from_client: bool
    flags: int
    offset: int
    """From the sender's initial number: 0 is the SYN, 1 the first byte."""
    payload: bytes = b""
    options: bytes = b""
    ack: int | None = None


@dataclass
class Connection:
    """Addresses, numbers and the segments that will be sent."""

    client: bytes
    server: bytes
    sport: int
    dport: int
    isn: int
    server_isn: int
    ttl: int = 57
    segments: list[Segment] = field(default_factory=list)


def cut_stream(stream: bytes, rng: random.Random) -> list[Segment]:
    """The client's bytes in segments: whole, at record ends, anywhere, or in many."""
    kind = rng.randrange(8)
    if kind < 3:
        places = []
    elif kind == 3:
        places = [5, 6, 9, 11]
    elif kind == 4:
        places = list(range(20, len(stream), max(len(stream) // rng.randint(9, 30), 9)))
    else:
        places = [rng.randrange(len(stream) + 1) for _ in range(rng.randint(1, 4))]
    records, at = [], 0
    while at + 5 <= len(stream) and len(records) < 8:
        at += 5 + int.from_bytes(stream[at + 3 : at + 5], "big")
        records.append(at)
    if rng.random() < 0.7:
        places += records
    ends = sorted({0, len(stream), *(place for place in places if place < len(stream))})
    return [Segment(True, PSH | ACK, 1 + a, stream[a:b]) for a, b in itertools.pairwise(ends) if b > a]


def converse(connection: Connection, rng: random.Random) -> None:
    """Fill in the segments of one connection."""
    stream = client_stream(rng)
    segments = connection.segments
    options = rng.choice(SYN_OPTIONS)
    options += b"\1" * (-len(options) % 4)
    if rng.random() < 0.9:
        flags = SYN | rng.choice((0, 0, 0, 0, 0xC0, PSH, 0x20, FIN))
        ack = 0 if rng.random() < 0.95 else 77
        payload = stream[:300] if rng.random() < 0.05 else b""
        segments.append(Segment(True, flags, 0, payload, options, ack))
    if rng.random() < 0.85:
        segments.append(Segment(False, SYN | ACK, 0, options=options))
    if rng.random() < 0.8:
        segments.append(Segment(True, ACK, 1))
    sent = 1
    for segment in cut_stream(stream, rng):
        segments.append(segment)
        if rng.random() < 0.3:
            payload = b"\x16\x03\x03" + bytes(60) if rng.random() < 0.8 else rng.choice(hello_streams())
            segments.append(Segment(False, PSH | ACK, sent, payload))
            sent += len(payload)
    end = 1 + len(stream)
    ending = rng.randrange(5)
    if ending < 2:
        segments.append(Segment(True, FIN | ACK, end))
        segments.append(Segment(False, FIN | ACK, sent))
        segments.append(Segment(True, ACK, end + 1))
    elif ending == 2:
        segments.append(Segment(rng.random() < 0.5, RST | rng.choice((0, ACK)), end))
    if rng.random() < 0.3:
        segments.append(Segment(rng.random() < 0.7, PSH | ACK, end, rng.choice((stream, bytes(40)))))
    disturb(connection, stream, rng)


def disturb(connection: Connection, stream: bytes, rng: random.Random) -> None:
    """Loss, repetition, reordering, overlaps with other bytes, strays: none, or a few of them."""
    segments = connection.segments
    for _ in range(rng.choice((0, 0, 1, 2, 4))):
        if not segments:
            return
        at = rng.randrange(len(segments))
        one = segments[at]
        kind = rng.randrange(11)
        if kind == 0:
            del segments[at]
        elif kind == 1:
            segments.insert(rng.randint(at, len(segments)), one)
        elif kind == 2:
            other = rng.randrange(len(segments))
            segments[at], segments[other] = segments[other], one
        elif kind == 3 and one.payload:
            back = max(min(rng.randint(1, 50), one.offset), 0)
            shifted = Segment(
                one.from_client, one.flags, one.offset - back, rng.randbytes(back) + one.payload
            )
            segments.insert(rng.randint(at, len(segments)), shifted)
        elif kind == 4 and one.payload:
            segments.insert(
                at, Segment(one.from_client, one.flags, one.offset, rng.randbytes(len(one.payload)))
            )
        elif kind == 5:
            isn = rng.choice((0, 5, 2**31)) - connection.isn
            segments.insert(at, Segment(rng.random() < 0.8, SYN | rng.choice((0, 0, ACK)), isn, ack=0))
        elif kind == 6:
            segments.insert(at, Segment(rng.random() < 0.5, rng.choice((RST, FIN, FIN | ACK, RST | PSH)), 1))
        elif kind == 7:
            segments.insert(at, Segment(rng.random() < 0.5, SYN | ACK, 0))
        elif kind == 8:
            segments.insert(at, Segment(True, PSH | ACK, 1, rng.choice(hello_streams())))
        elif kind == 9:
            segments.insert(at, Segment(True, ACK, one.offset - 1, b"\0"))
        else:
            del segments[at:]


def tcp_packet(connection: Connection, segment: Segment, rng: random.Random) -> bytes:
    """TCP header (RFC 9293 section 3.1) and payload."""
    isn, other = connection.isn, connection.server_isn
    ports = connection.sport, connection.dport
    if not segment.from_client:
        isn, other, ports = other, isn, ports[::-1]
    ack = segment.ack
    if ack is None:
        ack = (other + 1) % 2**32 if segment.flags & ACK else 0
    words = 5 + len(segment.options) // 4
    window = rng.choice((64240, 65535, 29200))
    header = struct.pack(
        ">HHIIBBHHH", *ports, (isn + segment.offset) % 2**32, ack, words << 4, segment.flags, window, 0, 0
    )
    return header + segment.options + segment.payload


def ip_packets(
    src: bytes, dst: bytes, protocol: int, transport: bytes, ttl: int, rng: random.Random, oddness: float
) -> list[bytes]:
    """IPv4 or IPv6 packets: usually one, at times with options or extension headers, or fragments."""
    odd = rng.random() < oddness
    if len(src) == 16:
        if odd:
            transport, protocol = bytes((protocol, 0, 1, 4, 0, 0, 0, 0)) + transport, 60
        return [struct.pack(">IHBB", 6 << 28, len(transport), protocol, ttl) + src + dst + transport]
    options = b"\x94\x04\0\0" if odd and rng.random() < 0.5 else b""
    ident = rng.choice((0, 7, rng.randrange(65536)))

    def packet(payload: bytes, fragment: int) -> bytes:
        words = 5 + len(options) // 4
        size = words * 4 + len(payload)
        header = struct.pack(">BBHHHBBH", 0x40 | words, 0, size, ident, fragment, ttl, protocol, 0)
        return header + src + dst + options + payload

    if odd and not options and len(transport) > 32:
        cut = rng.randrange(8, len(transport) - 8) & ~7
        parts = [packet(transport[:cut], 0x2000), packet(transport[cut:], cut >> 3)]
        return parts if rng.random() < 0.5 else parts[::-1]
    return [packet(transport, rng.choice((0x4000, 0x4000, 0)))]


def framed(packet: bytes, link_type: int, rng: random.Random, oddness: float) -> bytes:
    """The packet in its link layer, at times tagged or in a tunnel."""
    if rng.random() < oddness and len(packet) < 60_000:
        outer = struct.pack(">BBHHHBBH", 0x45, 0, 24 + len(packet), 1, 0x4000, 64, 47, 0) + bytes(range(8))
        packet = outer + struct.pack(">HH", 0, 0x0800 if packet[0] >> 4 == 4 else 0x86DD) + packet
    ethertype = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    body = packet
    if link_type in (ETHERNET, SLL, SLL2):
        tags = rng.randint(1, 6) if rng.random() < oddness else 0
        for _ in range(tags):
            body = struct.pack(">HH", 5, ethertype) + body
            ethertype = rng.choice((0x8100, 0x88A8, 0x9100))
    if link_type == ETHERNET:
        return bytes(12) + struct.pack(">H", ethertype) + body
    if link_type == SLL:
        return bytes(14) + struct.pack(">H", ethertype) + body
    if link_type == SLL2:
        return struct.pack(">H", ethertype) + bytes(18) + body
    if link_type == NULL:
        return (2 if packet[0] >> 4 == 4 else 10).to_bytes(4, "little") + packet
    return packet


def connection_of(rng: random.Random) -> Connection:
    """A connection between one of few endpoints."""
    is_ipv6 = rng.random() < 0.25
    size = 12 if is_ipv6 else 0
    client, sport = bytes(size) + bytes((198, 51, 100, rng.choice((7, 8)))), rng.choice((40_000, 40_001, 80))
    # To itself, as forged packets have it.
    is_land = rng.random() < 0.02
    return Connection(
        client=client,
        server=client if is_land else bytes(size) + bytes((203, 0, 113, 9)),
        sport=sport,
        dport=sport if is_land else rng.choice((443, 443, 40_000)),
        isn=rng.choice((0, 1, 5000, 2**32 - 3, 2**32 - 1200, 2**31)),
        server_isn=rng.choice((90_000, 2**32 - 1, 5000)),
        ttl=rng.choice((57, 64, 128, 255, 1)),
    )


def udp_packets(rng: random.Random) -> list[bytes]:
    """QUIC, DTLS and other datagrams, on the ports that TCP uses as well."""
    client, server = bytes((198, 51, 100, 7)), bytes((203, 0, 113, 9))
    payload = rng.choice(
        (*datagrams(), b"\x16\xfe\xfd" + rng.randbytes(60), rng.randbytes(rng.randrange(60)))
    )
    ports = (40_000, rng.choice((443, 443, 4789)))
    if rng.random() < 0.3:
        client, server, ports = server, client, ports[::-1]
    length = 8 + len(payload) if rng.random() < 0.95 else rng.randrange(10)
    udp = struct.pack(">HHHH", *ports, length, 0) + payload
    return ip_packets(client, server, 17, udp, 64, rng, 0.05)


def captured(rng: random.Random, *, connections: int = 4, oddness: float | None = None) -> list[Frame]:
    """One short capture: connections one after the other and interleaved, time passing unevenly."""
    link_type = rng.choice((ETHERNET,) * 6 + (NULL, RAW, SLL, SLL2, IPV4, IPV6))
    oddness = rng.choice((0, 0, 0.02, 0.2)) if oddness is None else oddness
    snap_length = rng.choice((262_144,) * 6 + (600, 96))
    damage = rng.choice((0, 0, 0, 0.05))
    waits = rng.choice(
        ((1000,), (0, 1000, 400_000), (1000, SECOND_US, 11 * SECOND_US, 31 * SECOND_US, 302 * SECOND_US))
    )
    queues = []
    for _ in range(rng.randint(1, connections)):
        connection = connection_of(rng)
        converse(connection, rng)
        queues.append((connection, connection.segments))
    frames: list[Frame] = []
    now_us = START_US
    while any(segments for _, segments in queues):
        connection, segments = queues[0] if rng.random() < 0.8 else rng.choice(queues)
        if not segments:
            queues = [queue for queue in queues if queue[1]]
            continue
        segment = segments.pop(0)
        ends = (connection.client, connection.server)
        src, dst = ends if segment.from_client else ends[::-1]
        packets = ip_packets(src, dst, 6, tcp_packet(connection, segment, rng), connection.ttl, rng, oddness)
        if rng.random() < 0.05:
            packets += udp_packets(rng)
        for packet in packets:
            octets = framed(packet, link_type, rng, oddness) + bytes(rng.choice((0, 0, 0, 0, 6)))
            wire_length = len(octets)
            if rng.random() < damage:
                mutable = bytearray(octets)
                mutable[rng.randrange(min(len(mutable), 80))] = rng.choice(
                    (0, 1, 0x45, 0xFF, rng.randrange(256))
                )
                octets = bytes(mutable)
            frames.append(frame_of(octets[:snap_length], now_us, link_type, wire_length))
            now_us += rng.choice(waits) if rng.random() < 0.97 else rng.choice((-500_000, -20 * SECOND_US))
    return frames

"""Frames of a connection that was seen, built anew for another place and another time."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from lab.recording.places import Place
from lab.recording.wire_story import SeenConnection, SeenDatagram

from sample_traffic.frames import ACK, FIN, PSH, RST, TcpConversation, packed
from sample_traffic.tcp_stack import ANDROID, APPLE, WINDOWS, linux_with

STACKS = {"windows": WINDOWS, "apple": APPLE, "android": ANDROID}
SERVER_PORT = 443
MSS = 1460
TURNAROUND_US = 30
SEEN_TTL = 64


def frames_of(
    seen: SeenConnection,
    at_us: Callable[[int], int],
    place: Place,
    server: str,
    system: str,
    rtt_us: int,
    rng: random.Random,
) -> list[tuple[int, bytes]]:
    """(time, frame) from SYN to end. The hello comes a round trip before the request, the SYN two."""
    talk = TcpConversation(
        client=packed(place.address),
        client_port=seen.src_port,
        server=packed(server),
        server_port=SERVER_PORT,
        stack=STACKS.get(system) or linux_with(seen.window, seen.options),
        mss=MSS,
        hops=place.hops + SEEN_TTL - seen.ttl if seen.ttl <= SEEN_TTL else place.hops,
        client_seq=rng.getrandbits(32),
        server_seq=rng.getrandbits(32),
        client_clock=rng.getrandbits(32),
        ip_id=rng.getrandbits(16),
    )
    syn_us = at_us(seen.syn_us) - 2 * rtt_us
    frames = [(syn_us, talk.syn(syn_us)), (syn_us + TURNAROUND_US, talk.syn_ack(syn_us + TURNAROUND_US))]
    now_us = at_us(seen.ack_us or seen.syn_us + TURNAROUND_US) - rtt_us
    frames.append((now_us, talk.from_client(now_us, ACK)))
    hello_us, octets = seen.opening()
    if octets:
        now_us = max(now_us + 1, at_us(hello_us) - rtt_us)
        pieces = talk.segments(octets)
        for piece in pieces:
            flags = ACK | PSH if piece is pieces[-1] else ACK
            frames.append((now_us, talk.from_client(now_us, flags, piece)))
            now_us += rng.randint(5, 40)
        frames.append((now_us, talk.from_server(now_us, ACK)))
    if seen.end_us is not None:
        frames += _end(seen, talk, max(now_us + 1, at_us(seen.end_us)))
    return frames


def _end(seen: SeenConnection, talk: TcpConversation, now_us: int) -> list[tuple[int, bytes]]:
    first, second = (
        (talk.from_server, talk.from_client) if seen.ended_by_server else (talk.from_client, talk.from_server)
    )
    if seen.is_reset:
        return [(now_us, first(now_us, RST | ACK))]
    later_us = now_us + TURNAROUND_US
    return [
        (now_us, first(now_us, FIN | ACK)),
        (later_us, second(later_us, FIN | ACK)),
        (later_us + 20, first(later_us + 20, ACK)),
    ]


def quic_frame(seen: SeenDatagram, place: Place, server: str) -> bytes:
    """The datagram with other addresses."""
    source, target = packed(place.address), packed(server)
    length = 8 + len(seen.payload)
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0x4000, SEEN_TTL - place.hops, 17, 0, source, target
    )
    header = header[:10] + struct.pack(">H", _checksum(header)) + header[12:]
    pseudo = source + target + struct.pack(">HH", 17, length)
    ports = struct.pack(">HHH", seen.src_port, SERVER_PORT, length)
    udp = (
        ports + struct.pack(">H", _checksum(pseudo + ports + b"\0\0" + seen.payload) or 0xFFFF) + seen.payload
    )
    return bytes.fromhex("020000000001020000000002") + b"\x08\x00" + header + udp


def _checksum(content: bytes) -> int:
    """RFC 1071."""
    return (0xFFFF - int.from_bytes(content + bytes(len(content) % 2), "big") % 0xFFFF) % 0xFFFF

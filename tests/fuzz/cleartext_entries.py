"""The ways in for cleartext HTTP: each direction by itself, and whole conversations lost and in disorder."""

from __future__ import annotations

import random
from collections.abc import Callable

from capture_agent.agent.request_lines import RequestLines
from capture_agent.events import Transport
from capture_agent.flows.flow_events import ConnectionEpoch
from capture_agent.flows.http_conversation import HttpConversation
from capture_agent.flows.ordered_bytes import MAX_HELD_BYTES
from capture_agent.wire.http1 import MAX_HEAD_BYTES
from capture_agent.wire.http1_stream import MessageReader, RequestReader, ResponseReader
from capture_agent.wire.http2 import PREFACE
from capture_agent.wire.http2_stream import FrameReader

Run = Callable[[bytes, random.Random], object]
REQUESTS = (
    b"GET /a?b=c HTTP/1.1\r\nHost: shop.test\r\nCookie: a=b; c\r\nAccept: */*\r\n\r\n",
    b"POST /up HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    b"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"HEAD / HTTP/1.0\n\n",
    b"CONNECT shop.test:443 HTTP/1.1\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c, websocket\r\n\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.1 5000 80\r\nOPTIONS * HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
)
RESPONSES = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
    b"HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n",
)


def h2(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One frame."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


GET_BLOCK = bytes.fromhex("828684418cf1e3c2e5f23a6ba0ab90f4ff")
CLIENT_FRAMES = (
    h2(4, 0, 0, bytes.fromhex("000100010000000300000064"))
    + h2(8, 0, 0, bytes.fromhex("00ef0001"))
    + h2(1, 0x25, 1, bytes.fromhex("000000000f") + GET_BLOCK)
    + h2(1, 0, 3, GET_BLOCK[:5])
    + h2(9, 4, 3, GET_BLOCK[5:])
    + h2(0, 9, 3, b"\x03body\0\0\0")
    + h2(3, 0, 1, bytes(4))
)
SERVER_FRAMES = (
    h2(4, 0, 0, bytes.fromhex("000100001000"))
    + h2(4, 1, 0, b"")
    + h2(1, 4, 1, b"\x88")
    + h2(0, 1, 1, b"body")
    + h2(5, 4, 1, b"\0\0\0\2" + b"\x82")
    + h2(1, 5, 3, b"\x8d")
)
EPOCH = ConnectionEpoch(
    conn_id=1,
    transport=Transport.TCP,
    src=bytes(15) + b"\1",
    src_port=40_000,
    dst=bytes(15) + b"\2",
    dst_port=80,
    opened_us=1_795_350_000_000_000,
    syn=None,
    is_midstream=False,
    tunnel=None,
)
LINES = RequestLines("fuzz", frozenset({80}))


def pieces(octets: bytes, rng: random.Random) -> list[bytes]:
    """`octets` cut at random."""
    found, at = [], 0
    while at < len(octets):
        size = rng.choice((1, 3, 20, 200, 1_400))
        found.append(octets[at : at + size])
        at += size
    return found


def read_messages(reader: MessageReader, octets: bytes, rng: random.Random) -> None:
    """One direction of HTTP/1, sometimes with bytes that were not captured."""
    for piece in pieces(octets, rng):
        if rng.random() < 0.1 and reader.can_skip(len(piece)):
            list(reader.skip(len(piece)))
        for _ in reader.feed(piece):
            if rng.random() < 0.02:
                reader.take_rest()
        if reader.buffered_bytes > MAX_HEAD_BYTES + len(piece):
            raise AssertionError("the reader holds more than its bound")


def read_frames(octets: bytes, rng: random.Random) -> None:
    """One direction of HTTP/2."""
    reader = FrameReader()
    for piece in pieces(octets, rng):
        list(reader.feed(piece))


def converse(octets: bytes, rng: random.Random) -> None:
    """Both sides, the mutated one and one that was not, with segments lost, doubled and in disorder."""
    streams = [octets, b"".join(rng.choices(RESPONSES, k=4))]
    if octets.startswith(PREFACE[:8]):
        streams[1] = SERVER_FRAMES
    elif rng.random() < 0.3:
        streams = [b"".join(rng.choices(REQUESTS, k=4)), octets]
    segments = []
    for side, stream in enumerate(streams):
        seq = 1
        for piece in pieces(stream, rng):
            segments.append((seq + side * 0xFFFF_FFF0 & 0xFFFF_FFFF, piece, side == 0))
            seq += len(piece)
    segments.sort(key=lambda segment: (segment[0] & 0xFFFF) + rng.randrange(300))
    conversation, now_us, exchanges = HttpConversation(EPOCH, 0), EPOCH.opened_us, []
    for seq, piece, is_client in segments:
        if rng.random() < 0.05:
            continue
        now_us += 1
        is_cut = rng.random() < 0.02
        ack = rng.choice((None, rng.randrange(1 << 32), 1 + rng.randrange(500)))
        exchanges += conversation.take(
            seq, piece[:-1] if is_cut else piece, ack=ack, is_cut=is_cut, is_client=is_client, ts_us=now_us
        )
        if conversation.held_bytes > 4 * MAX_HELD_BYTES + 257 * MAX_HEAD_BYTES:
            raise AssertionError("the conversation holds more than its bound")
    for exchange in exchanges + conversation.finish(now_us):
        LINES.line(exchange)


def cleartext_entries() -> dict[str, tuple[list[bytes], Run]]:
    """Seeds and call of each entry by name."""
    requests, responses = b"".join(REQUESTS), b"".join(RESPONSES)
    return {
        "http1 requests": (
            [*REQUESTS, requests],
            lambda octets, rng: read_messages(RequestReader(), octets, rng),
        ),
        "http1 responses": (
            [*RESPONSES, responses],
            lambda octets, rng: read_messages(ResponseReader(), octets, rng),
        ),
        "http2 frames": ([CLIENT_FRAMES, SERVER_FRAMES], read_frames),
        "cleartext": ([requests, responses, PREFACE + CLIENT_FRAMES], converse),
    }

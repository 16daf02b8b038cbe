"""Cleartext requests are the same whichever path reads the frames: readable, skimming, pure or compiled."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capture_agent import compiled
from capture_agent.agent.hello_lines import HelloLines
from capture_agent.agent.pure_reading import print_hellos_pure
from capture_agent.agent.request_lines import RequestLines
from capture_agent.capture.files import CaptureFile
from capture_agent.flows.packet_path import PacketPath
from capture_agent.flows.skim import SkimmingPacketPath

START_S = 1_795_350_000
REQUEST = b"GET /%d HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: x\r\nCookie: sid=1\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n"


def lines() -> HelloLines:
    return HelloLines("s", with_skeleton=True, requests=RequestLines("s", frozenset({80, 8080})))


def traffic(wire: Any, hello: bytes, dice: random.Random) -> list[bytes]:
    """Connections side by side, some of them with frames lost, doubled or in disorder."""
    connections: list[list[bytes]] = []
    for number in range(30):
        port = dice.choice([80, 8080, 443, 9000])
        one = wire(port=port, sport=40_000 + number)
        if dice.random() < 0.3:
            one.client(hello[:900], hello[900:]).server(b"\x16\x03\x03\x00\x01\x02")
        for request in range(dice.randrange(1, 5)):
            one.client(*([REQUEST % request] if dice.random() < 0.7 else [REQUEST[:20], REQUEST[20:]]))
            one.server(ANSWER, bytes(1_400), bytes(1_400), bytes(200))
        if dice.random() < 0.8:
            one.ends()
        frames = one.frames
        if dice.random() < 0.4:
            del frames[dice.randrange(len(frames))]
        if dice.random() < 0.3:
            frames.insert(dice.randrange(len(frames)), frames[dice.randrange(len(frames))])
        if dice.random() < 0.3:
            at = dice.randrange(len(frames) - 1)
            frames[at], frames[at + 1] = frames[at + 1], frames[at]
        connections.append(frames)
    mixed: list[bytes] = []
    while connections:
        chosen = dice.choice(connections)
        mixed.append(chosen.pop(0))
        connections = [frames for frames in connections if frames]
    return mixed


@pytest.fixture(params=range(4))
def capture_file(
    request: pytest.FixtureRequest, tmp_path: Path, wire: Any, hello_stream: Callable[[str], bytes]
) -> Path:
    frames = traffic(wire, hello_stream("curl-h2"), random.Random(request.param))
    file = tmp_path / "mixed.pcap"
    records = [
        struct.pack("<IIII", START_S, at, len(frame), len(frame)) + frame for at, frame in enumerate(frames)
    ]
    file.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1) + b"".join(records))
    return file


def told_by(path: PacketPath, file: Path) -> list[bytes]:
    told, writer = [], lines()
    with CaptureFile(file) as capture:
        for frame in capture:
            told.append(writer(path.feed(frame)))
            last_us = frame.ts_us
    told.append(writer(path.finish(last_us)))
    return sorted(b"".join(told).splitlines())


def test_every_path_tells_the_same_requests_and_hellos(capture_file: Path) -> None:
    limits = lines().limits
    expected = told_by(PacketPath("s", limits), capture_file)
    assert sum(b'"method":"GET"' in line for line in expected) > 10
    assert sum(b'"ja4_r":' in line for line in expected) > 3
    assert not any(b"sid=1" in line for line in expected)
    assert told_by(SkimmingPacketPath("s", limits), capture_file) == expected
    out = io.BytesIO()
    with CaptureFile(capture_file) as capture:
        print_hellos_pure(capture, lines(), out)
    assert sorted(out.getvalue().splitlines()) == expected
    if not compiled.is_active():
        pytest.skip("NOT RUN for the compiled path: it is not built here")
    from capture_agent.agent.compiled_reading import print_hellos_compiled

    out = io.BytesIO()
    with CaptureFile(capture_file) as capture:
        print_hellos_compiled(capture, lines(), out)
    assert sorted(out.getvalue().splitlines()) == expected

"""The skimming path gives the events and counters of the readable one, on real and on damaged frames."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.capture.files import open_capture
from capture_agent.flows.flow_events import EpochClosed, EpochOpened, FlowEvent, HelloSeen
from capture_agent.flows.packet_path import PacketPath
from capture_agent.flows.skim import SkimmingPacketPath
from capture_agent.wire.frame import Frame, frame_of
from capture_agent.wire.link import LINKTYPE_ETHERNET

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10


def comparable(event: FlowEvent) -> object:
    """An event without the identity of its exception."""
    if isinstance(event, HelloSeen):
        broken = None if event.malformed is None else (event.malformed.reason, event.malformed.offset)
        return (event.epoch, event.ts_us, event.message, event.quality, broken, event.segments)
    return event


def outcome(path: PacketPath, frames: Iterable[Frame]) -> tuple[list[object], object, object, object]:
    events: list[FlowEvent] = []
    last_us = 0
    for frame in frames:
        last_us = frame.ts_us
        events += path.feed(frame)
        events += path.advance(last_us)
    events += path.finish(last_us)
    assert all(isinstance(event, EpochOpened | HelloSeen | EpochClosed) for event in events)
    counters = (path.counters, path.table.counters, path.decoder.fragments.counters)
    return ([comparable(event) for event in events], *counters)


def assert_equal(frames: list[Frame]) -> list[object]:
    expected = outcome(PacketPath("sensor"), frames)
    assert outcome(SkimmingPacketPath("sensor"), frames) == expected
    return expected[0]


def test_on_the_bundled_recordings(project_root: Path) -> None:
    captures = sorted((project_root / "sample_traffic" / "recording" / "pcaps").glob("*.pcap"))
    assert captures
    for capture in captures:
        with open_capture(capture) as frames:
            assert_equal(list(frames))


def test_on_the_public_captures(shared_dir: Path) -> None:
    captures = [
        path for path in sorted((shared_dir / "conformance" / "foxio").iterdir()) if path.suffix != ".tsv"
    ]
    assert len(captures) == 30
    for capture in captures:
        with open_capture(capture) as frames:
            assert_equal(list(frames))


def conversation_frames(build: Any, stream: bytes, *, is_ipv6: bool, cuts: list[int]) -> list[bytes]:
    """A connection from SYN to RST with its hello cut at the given places."""

    def frame(payload: bytes, flags: int, seq: int, from_server: bool = False) -> bytes:
        ports = {"sport": 443, "dport": 40000} if from_server else {}
        segment = build.tcp(payload, flags=flags, seq=seq, **ports)
        if is_ipv6:
            ends = {"src": build.server6, "dst": build.client6} if from_server else {}
            return bytes(build.ethernet_for(build.ipv6(segment, **ends)))
        ends = {"src": build.server, "dst": build.client} if from_server else {}
        return bytes(build.ethernet_for(build.ipv4(segment, **ends)))

    frames = [
        frame(b"", SYN, 1000),
        frame(b"", SYN | ACK, 9000, True),
        frame(b"", ACK, 1001),
    ]
    places = [0, *sorted(cuts), len(stream)]
    frames += [frame(stream[a:b], PSH | ACK, 1001 + a) for a, b in itertools.pairwise(places) if b > a]
    end = 1001 + len(stream)
    frames += [
        frame(bytes(900), PSH | ACK, 9001, True),
        frame(b"", ACK, end),
        frame(b"\x14\x03\x03\0\1\1\x17\x03\x03\0\1x", PSH | ACK, end),
        frame(bytes(50), PSH | ACK, end + 12),
        frame(b"", ACK, 9901, True),
        frame(b"", FIN | ACK, 9901, True),
        frame(b"", RST, end + 62),
    ]
    return frames


@given(seed=st.integers(0, 2**32), is_ipv6=st.booleans(), damage=st.integers(0, 6))
@settings(max_examples=150, deadline=None)
def test_on_shuffled_repeated_cut_and_damaged_frames(
    seed: int, is_ipv6: bool, damage: int, build: Any, hello_stream: Callable[[str], bytes]
) -> None:
    rng = random.Random(seed)
    stream = hello_stream("curl-h2")
    cuts = [rng.randrange(1, len(stream)) for _ in range(rng.randrange(3))]
    octets = conversation_frames(build, stream, is_ipv6=is_ipv6, cuts=cuts)
    if rng.random() < 0.5:
        octets = [one for one in octets for _ in range(rng.choice([0, 1, 1, 1, 2]))]
    if rng.random() < 0.5:
        for _ in range(3):
            a, b = rng.randrange(len(octets) or 1), rng.randrange(len(octets) or 1)
            if octets:
                octets[a], octets[b] = octets[b], octets[a]
    frames = []
    for number, one in enumerate(octets):
        mutable = bytearray(one)
        if rng.randrange(7) < damage:
            # Headers are where the two paths look: the first 80 bytes.
            mutable[rng.randrange(min(len(mutable), 80))] = rng.choice(
                [0, 1, 0x45, 0x46, 0xFF, rng.randrange(256)]
            )
        kept = bytes(mutable) + bytes(rng.choice([0, 0, 0, 6]))
        if rng.randrange(10) < damage // 2:
            kept = kept[: rng.randrange(len(kept))]
        frames.append(frame_of(kept, number * 1000, LINKTYPE_ETHERNET, len(one)))
    assert_equal(frames)


@pytest.mark.parametrize("is_ipv6", [False, True])
def test_the_undamaged_conversation_has_its_three_events(
    is_ipv6: bool, build: Any, hello_stream: Callable[[str], bytes]
) -> None:
    octets = conversation_frames(build, hello_stream("curl-h2"), is_ipv6=is_ipv6, cuts=[100])
    events = assert_equal([frame_of(one, 0, LINKTYPE_ETHERNET) for one in octets])
    assert len(events) == 3


@given(octets=st.binary(min_size=50, max_size=120), is_ipv6=st.booleans())
@settings(max_examples=300, deadline=None)
def test_on_random_bytes_behind_a_plausible_start(octets: bytes, is_ipv6: bool) -> None:
    start = bytes(12) + (b"\x86\xdd\x60" if is_ipv6 else b"\x08\0\x45")
    at = 20 if is_ipv6 else 23
    frame = bytearray(start + octets)
    frame[at] = 6
    assert_equal([frame_of(bytes(frame), 0, LINKTYPE_ETHERNET)])


def test_on_a_midstream_connection_whose_sides_were_guessed_wrong(
    build: Any, hello_stream: Callable[[str], bytes]
) -> None:
    octets = [
        build.ethernet_for(build.ipv4(build.tcp(bytes(30), sport=50_000, dport=443))),
        build.ethernet_for(
            build.ipv4(
                build.tcp(hello_stream("curl-h2"), sport=443, dport=50_000),
                src=build.server,
                dst=build.client,
            )
        ),
    ]
    events = assert_equal([frame_of(one, 0, LINKTYPE_ETHERNET) for one in octets])
    assert len(events) == 5


def test_on_an_ipv6_packet_without_a_length(build: Any, hello_stream: Callable[[str], bytes]) -> None:
    octets = build.ethernet_for(build.ipv6(build.tcp(hello_stream("curl-h2")), size=0))
    events = assert_equal([frame_of(octets, 0, LINKTYPE_ETHERNET)])
    assert len(events) == 3

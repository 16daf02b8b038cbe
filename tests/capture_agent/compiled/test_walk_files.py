"""`ja4-agent read` over the compiled walker prints what the pure path prints, byte for byte, of any file."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from types import ModuleType

import pytest

from capture_agent.capture.files import open_capture
from capture_agent.wire.frame import Frame

CAPTURE_SUFFIXES = {".pcap", ".pcapng"}
PCAP_KINDS = [("<", 1), (">", 1), ("<", 1000), (">", 1000)]


def captures_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in CAPTURE_SUFFIXES)


def assert_equal(both_paths: ModuleType, path: Path) -> bytes:
    compiled, pure = both_paths.both_of_file(path)
    assert compiled == pure, path
    lines: bytes = pure[0]
    return lines


def pcap(frames: list[Frame], order: str = "<", units_per_us: int = 1) -> bytes:
    """A pcap file (draft-ietf-opsawg-pcap) of the link type of its first frame."""
    magic = 0xA1B2C3D4 if units_per_us == 1 else 0xA1B23C4D
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262_144, frames[0].link_type)]
    for frame in frames:
        seconds, fraction = divmod(frame.ts_us, 1_000_000)
        header = (seconds, fraction * units_per_us, frame.length, frame.wire_length)
        parts += [struct.pack(order + "IIII", *header), frame.octets]
    return b"".join(parts)


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(frames: list[Frame], order: str, clock_shift_us: int = 0) -> bytes:
    """A pcapng file (draft-ietf-opsawg-pcapng) with one interface and enhanced packet blocks."""
    parts = [
        block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)),
        block(order, 1, struct.pack(order + "HHI", frames[0].link_type, 0, 0)),
    ]
    for frame in frames:
        ticks = frame.ts_us + clock_shift_us
        fields = (0, ticks >> 32 & 0xFFFF_FFFF, ticks & 0xFFFF_FFFF, frame.length, frame.wire_length)
        parts.append(block(order, 6, struct.pack(order + "IIIII", *fields) + frame.octets))
    return b"".join(parts)


def test_on_the_bundled_recording(both_paths: ModuleType, recording_dir: Path) -> None:
    captures = captures_in(recording_dir)
    assert len(captures) > 60
    found = [assert_equal(both_paths, path) for path in captures]
    assert sum(lines.count(b"\n") for lines in found) > 100


@pytest.mark.parametrize("folder", ["lab", "conformance"])
def test_on_the_captures_beside_the_checkout(folder: str, both_paths: ModuleType, shared_dir: Path) -> None:
    captures = captures_in(shared_dir / folder)
    assert len(captures) > 20
    found = [assert_equal(both_paths, path) for path in captures]
    assert any(found)


@pytest.fixture(scope="module")
def frames(recording_dir: Path) -> list[Frame]:
    """Frames of a recorded client, as values of their own."""
    with open_capture(recording_dir / "pcaps" / "curl-h2.pcap") as capture:
        return [
            Frame(frame.ts_us, frame.link_type, frame.octets, 0, frame.length, frame.wire_length)
            for frame in capture
        ]


def test_every_file_format_gives_the_same_lines(
    both_paths: ModuleType, frames: list[Frame], tmp_path: Path
) -> None:
    files = [pcap(frames, order, units) for order, units in PCAP_KINDS]
    files += [pcapng(frames, order) for order in "<>"]
    outcomes = set()
    for number, octets in enumerate(files):
        path = tmp_path / f"{number}.capture"
        path.write_bytes(octets)
        outcomes.add(assert_equal(both_paths, path))
    assert len(outcomes) == 1
    assert outcomes.pop().count(b"\n") == 2


@pytest.mark.parametrize("cut", [24, 25, 39, 40, 41, 100, 3000, -1, -20])
def test_a_file_cut_short_gives_the_same_lines_and_the_same_place(
    cut: int, both_paths: ModuleType, frames: list[Frame], tmp_path: Path
) -> None:
    for name, octets in (("a.pcap", pcap(frames)), ("a.pcapng", pcapng(frames, "<"))):
        path = tmp_path / name
        path.write_bytes(octets[:cut])
        assert_equal(both_paths, path)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_gives_the_same_lines_and_the_same_complaint(
    seed: int, both_paths: ModuleType, frames: list[Frame], tmp_path: Path
) -> None:
    rng = random.Random(seed)
    order = rng.choice("<>")
    octets = bytearray(pcap(frames, order) if rng.random() < 0.5 else pcapng(frames, order))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(24, min(len(octets), 6000))
        octets[at : at + rng.choice((1, 4))] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f", b"\0"))
    path = tmp_path / "damaged.pcap"
    path.write_bytes(octets)
    assert_equal(both_paths, path)


@pytest.mark.parametrize("shift_us", [-(2**60), 2**62, 2**63 - 1, 5_600_000_000_000_000])
def test_a_clock_that_cannot_be_gives_no_lines(
    shift_us: int, both_paths: ModuleType, frames: list[Frame], tmp_path: Path
) -> None:
    path = tmp_path / "clock.pcapng"
    path.write_bytes(pcapng(frames, "<", shift_us))
    assert assert_equal(both_paths, path) == b""

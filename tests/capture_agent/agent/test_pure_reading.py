"""The loop of pure `read` over a pcap file finds what the readable path finds in the same frames."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.agent.pure_reading import print_hellos_pure
from capture_agent.wire.frame import Frame
from capture_agent.wire.link import LINKTYPE_ETHERNET


def pcap(frames: list[Frame], order: str, units_per_us: int) -> bytes:
    """A pcap file (draft-ietf-opsawg-pcap) of Ethernet frames."""
    magic = 0xA1B2C3D4 if units_per_us == 1 else 0xA1B23C4D
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262_144, LINKTYPE_ETHERNET)]
    for frame in frames:
        seconds, fraction = divmod(frame.ts_us, 1_000_000)
        header = (seconds, fraction * units_per_us, frame.length, frame.wire_length)
        parts += [struct.pack(order + "IIII", *header), frame.octets]
    return b"".join(parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pure")


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    connections=st.sampled_from((1, 4, 12)),
    oddness=st.sampled_from((0, 0.02, 0.2)),
    order=st.sampled_from("<>"),
    units_per_us=st.sampled_from((1, 1000)),
)
def test_any_capture_of_ethernet_frames(
    seed: int,
    connections: int,
    oddness: float,
    order: str,
    units_per_us: int,
    folder: Path,
    conversations: ModuleType,
    both_paths: ModuleType,
) -> None:
    frames = conversations.captured(random.Random(seed), connections=connections, oddness=oddness)
    frames = [frame for frame in frames if frame.link_type == LINKTYPE_ETHERNET]
    path = folder / "ethernet.pcap"
    path.write_bytes(pcap(frames, order, units_per_us))
    lines, _, _ = both_paths.of_file(path, print_hellos_pure)
    assert sorted(lines.splitlines()) == sorted(both_paths.reference_lines(frames))

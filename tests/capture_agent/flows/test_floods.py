"""Short forms of bench/flood.py: bounds hold, what gives way is counted, each hello begun has its row."""

from __future__ import annotations

import json
from types import ModuleType

import pytest

from capture_agent.events import Quality
from capture_agent.flows.flow_events import FlowEvent, HelloSeen
from capture_agent.flows.limits import FlowLimits
from capture_agent.flows.packet_path import PacketPath
from capture_agent.flows.skim import SkimmingPacketPath
from capture_agent.flows.stream_budget import STREAM_BYTES
from capture_agent.wire.frame import Frame, frame_of
from capture_agent.wire.link import LINKTYPE_ETHERNET

FLOWS = 3000
START_US = 1_700_000_000_000_000
LIMITS = FlowLimits(max_flows=500, max_half_open=400, max_buffered_bytes=100 * (STREAM_BYTES + 300))
PATHS = pytest.mark.parametrize("path_type", [PacketPath, SkimmingPacketPath])


def frames_of(flood: ModuleType, kind: str) -> list[Frame]:
    hello = bytes.fromhex(json.loads(flood.VECTOR.read_text())["stream"])
    octets = [one for number in range(FLOWS) for one in flood.segments(kind, number, hello)]
    return [
        frame_of(one, 1_700_000_000_000_000 + 20 * at, LINKTYPE_ETHERNET) for at, one in enumerate(octets)
    ]


def pour(path: PacketPath, frames: list[Frame]) -> list[HelloSeen]:
    """The hellos that a table gives whose bounds are checked at each frame."""
    events: list[FlowEvent] = []
    tcp = path.table.tcp
    for frame in frames:
        events += path.feed(frame)
        assert len(tcp.flows) <= 2 * LIMITS.max_flows
        assert len(tcp.half_open) <= LIMITS.max_half_open
        assert tcp.budget.held_bytes <= LIMITS.max_buffered_bytes
    held = len(path.table)
    counters = path.table.counters
    assert counters.flows_opened == FLOWS == counters.flows_evicted_full + held
    parts = list(path.finish_in_parts(frames[-1].ts_us))
    assert max(len(part) for part in [*parts, []]) <= 2 * 1024
    assert counters.flows_closed == held
    assert len(path.table) == 0
    assert tcp.budget.held_bytes == 0
    return [event for part in [events, *parts] for event in part if isinstance(event, HelloSeen)]


@PATHS
def test_a_flood_of_syns(path_type: type[PacketPath], flood: ModuleType) -> None:
    path = path_type("sensor", LIMITS)
    assert pour(path, frames_of(flood, "half_open")) == []
    assert path.table.counters.flows_evicted_full >= FLOWS - LIMITS.max_half_open


@PATHS
def test_a_flood_of_half_hellos(path_type: type[PacketPath], flood: ModuleType) -> None:
    path = path_type("sensor", LIMITS)
    seen = pour(path, frames_of(flood, "half_hellos"))
    assert [event.quality for event in seen] == [Quality.TRUNCATED] * FLOWS
    counters = path.table.counters
    assert counters.flows_evicted_full >= FLOWS - LIMITS.max_flows
    assert counters.streams_evicted_bytes >= LIMITS.max_flows - 100


@PATHS
def test_a_flood_of_whole_hellos(path_type: type[PacketPath], flood: ModuleType) -> None:
    path = path_type("sensor", LIMITS)
    seen = pour(path, frames_of(flood, "hellos"))
    assert [event.quality for event in seen] == [Quality.COMPLETE] * FLOWS
    assert path.table.counters.streams_evicted_bytes == 0


@pytest.mark.parametrize("kind", ["half_open", "half_hellos", "hellos"])
def test_a_flood_gives_the_compiled_path_as_many_rows(
    kind: str, flood: ModuleType, both_paths: ModuleType
) -> None:
    frames = frames_of(flood, kind)
    compiled, reference = (
        both_paths.compiled_lines(frames, LIMITS),
        both_paths.reference_lines(frames, LIMITS),
    )
    qualities = [[json.loads(line)["quality"] for line in lines] for lines in (compiled, reference)]
    assert qualities[0] == qualities[1]
    assert len(qualities[0]) == (0 if kind == "half_open" else FLOWS)

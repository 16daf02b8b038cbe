from collections.abc import Callable, Sequence
from mmap import mmap

from capture_agent.flows.flow_events import FlowEvent
from capture_agent.flows.packet_path import PacketPath
from capture_agent.wire.frame import Frame

class Walker:
    waiting_bytes: int
    frames: int
    flows_held: int
    flows_evicted: int
    def __init__(
        self,
        path: PacketPath,
        sensor: str,
        rows_of: Callable[[Sequence[FlowEvent]], bytes],
        step_us: int,
        with_skeleton: bool = True,
    ) -> None: ...
    def feed(self, frame: Frame) -> None: ...
    def finish(self) -> None: ...
    def take_rows(self) -> bytes: ...
    def walk_pcap(
        self,
        buffer: bytes | mmap,
        offset: int,
        is_little: bool,
        units_per_us: int,
        link_type: int,
        max_frame_bytes: int,
        stop: int,
    ) -> int: ...

"""`ja4-agent read` over the compiled walker: the same lines as the pure path, sooner."""

from __future__ import annotations

from typing import BinaryIO

from capture_agent.agent.hello_lines import HelloLines
from capture_agent.agent.pure_reading import STEP_US
from capture_agent.capture.files import MAX_FRAME_BYTES, RELEASE_BYTES, CaptureFile
from capture_agent.compiled.walk import Walker
from capture_agent.flows.packet_path import PacketPath


def print_hellos_compiled(capture: CaptureFile, lines: HelloLines, out: BinaryIO) -> None:
    """Write each hello of a capture as a JSON line; raises what iterating the capture raises."""
    walker = Walker(PacketPath(lines.sensor, lines.limits), lines.sensor, lines, STEP_US, lines.with_skeleton)
    try:
        walk_pcap(capture, walker, out)
        # What is left is a pcapng file, or the incomplete or damaged end of a pcap file.
        for frame in capture:
            walker.feed(frame)
            if walker.waiting_bytes > RELEASE_BYTES:
                out.write(walker.take_rows())
    finally:
        walker.finish()
        out.write(walker.take_rows())


def walk_pcap(capture: CaptureFile, walker: Walker, out: BinaryIO) -> None:
    """Write the hellos of a pcap file up to its end or to a record that is incomplete or damaged."""
    while (records := capture.maybe_pcap_records()) is not None:
        offset = walker.walk_pcap(
            records.buffer,
            records.offset,
            records.is_little_endian,
            records.units_per_us,
            records.link_type,
            MAX_FRAME_BYTES,
            records.offset + RELEASE_BYTES,
        )
        out.write(walker.take_rows())
        if offset == records.offset:
            return
        capture.skip_to(offset)

"""The lines of `ja4-agent read` from the compiled path and from the reference, for frames and for files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from capture_agent.agent.compiled_reading import print_hellos_compiled
from capture_agent.agent.hello_lines import HelloLines
from capture_agent.agent.pure_reading import STEP_US, print_hellos_pure
from capture_agent.capture.errors import CaptureFileError
from capture_agent.capture.files import CaptureFile, open_capture
from capture_agent.compiled.walk import Walker
from capture_agent.flows.limits import FlowLimits
from capture_agent.flows.packet_path import PacketPath
from capture_agent.rows.stored import LAST_US
from capture_agent.wire.frame import Frame

SENSOR = "sensor-1"
Printer = Callable[[CaptureFile, HelloLines, BinaryIO], None]


def compiled_lines(frames: Iterable[Frame], limits: FlowLimits | None = None) -> list[bytes]:
    """Lines of the compiled walker."""
    lines = HelloLines(SENSOR, with_skeleton=True)
    walker = Walker(PacketPath(SENSOR, limits), SENSOR, lines, STEP_US, True)
    for frame in frames:
        walker.feed(frame)
    walker.finish()
    rows: bytes = walker.take_rows()
    return rows.splitlines()


def reference_lines(frames: Iterable[Frame], limits: FlowLimits | None = None) -> list[bytes]:
    """Lines of the readable path, which decodes every frame, with the steps of time that `read` takes."""
    lines = HelloLines(SENSOR, with_skeleton=True)
    path = PacketPath(SENSOR, limits)
    found = []
    now_us = next_step_us = 0
    for frame in frames:
        if frame.ts_us >= next_step_us:
            if frame.ts_us >= LAST_US:
                continue
            now_us, next_step_us = frame.ts_us, frame.ts_us + STEP_US
            found.append(lines(path.advance(now_us)))
        found.append(lines(path.feed(frame)))
    found.append(lines(path.finish(now_us)))
    return b"".join(found).splitlines()


def of_file(path: Path, print_hellos: Printer) -> tuple[bytes, int | None, str | None]:
    """What `read` prints for a file, where it was cut short, and why it could not be read to its end."""
    out = BytesIO()
    try:
        with open_capture(path) as capture:
            print_hellos(capture, HelloLines(SENSOR, with_skeleton=True), out)
            return out.getvalue(), capture.truncated_at, None
    except CaptureFileError as error:
        return out.getvalue(), None, str(error)


def both_of_file(path: Path) -> tuple[tuple[bytes, int | None, str | None], ...]:
    """Outcome of the compiled path, then of the pure one that `read` takes without it."""
    return of_file(path, print_hellos_compiled), of_file(path, print_hellos_pure)

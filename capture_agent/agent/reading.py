"""`ja4-agent read`: from capture files to one line per ClientHello, without the join."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from capture_agent import compiled
from capture_agent.agent.hello_lines import HelloLines
from capture_agent.agent.problems import Problems
from capture_agent.agent.pure_reading import print_hellos_pure
from capture_agent.capture.errors import CaptureFileError
from capture_agent.capture.files import CaptureFile
from capture_agent.wire.link import link_type_name


def print_hellos(paths: Sequence[Path], lines: HelloLines, out: BinaryIO, problems: Problems) -> None:
    """Write each hello of each file as a JSON line; a file that cannot be read is reported and skipped.

    Each file has connections of its own. Raises OSError of `out`, BrokenPipeError among them.
    """
    for path in paths:
        try:
            with CaptureFile(path) as capture:
                _print_hellos_of(capture, lines, out)
                for message in shortcomings(capture):
                    problems.report(message)
        except CaptureFileError as error:
            problems.report(str(error))
    out.flush()


def shortcomings(capture: CaptureFile) -> list[str]:
    """What is said about a capture that was read to its end, but not all of it."""
    said = [
        f"{capture.path}: {frames} frames were left out: {link_type_name(link_type)} is not supported"
        for link_type, frames in capture.left_out.items()
    ]
    if capture.truncated_at is not None:
        said.append(
            f"{capture.path}: cut short: the record at byte {capture.truncated_at} is incomplete; "
            "everything before it was read"
        )
    return said


def _print_hellos_of(capture: CaptureFile, lines: HelloLines, out: BinaryIO) -> None:
    if compiled.is_active():
        from capture_agent.agent.compiled_reading import print_hellos_compiled

        print_hellos_compiled(capture, lines, out)
    else:
        print_hellos_pure(capture, lines, out)

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


def print_hellos(paths: Sequence[Path], lines: HelloLines, out: BinaryIO, problems: Problems) -> None:
    """Write each hello of each file as a JSON line; a file that cannot be read is reported and skipped.

    Each file has connections of its own. Raises OSError of `out`, BrokenPipeError among them.
    """
    for path in paths:
        try:
            with CaptureFile(path) as capture:
                _print_hellos_of(capture, lines, out)
                if capture.truncated_at is not None:
                    problems.report(truncation(path, capture.truncated_at))
        except CaptureFileError as error:
            problems.report(str(error))
    out.flush()


def truncation(path: Path, offset: int) -> str:
    """What is said about a capture whose last record is incomplete."""
    return f"{path}: cut short: the record at byte {offset} is incomplete; everything before it was read"


def _print_hellos_of(capture: CaptureFile, lines: HelloLines, out: BinaryIO) -> None:
    if compiled.is_active():
        from capture_agent.agent.compiled_reading import print_hellos_compiled

        print_hellos_compiled(capture, lines, out)
    else:
        print_hellos_pure(capture, lines, out)

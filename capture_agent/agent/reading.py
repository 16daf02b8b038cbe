"""`ja4-agent read`: from capture files to one line per ClientHello, without the join."""

from __future__ import annotations

import gc
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

COLLECT_EVERY = (50_000, 20, 50)
"""Thresholds of Python's cyclic garbage collector while captures are read. Flows and rows hold no cycles; at
the default of (700, 10, 10) the collector walks the whole flow table again and again, which is a tenth of
all the time. It still runs, for the cycles of exceptions that broken frames raise."""


def print_hellos(paths: Sequence[Path], lines: HelloLines, out: BinaryIO, problems: Problems) -> None:
    """Write each hello of each file as a JSON line; a file that cannot be read is reported and skipped.

    Each file has connections of its own. Raises OSError of `out`, BrokenPipeError among them.
    """
    before = gc.get_threshold()
    gc.set_threshold(*COLLECT_EVERY)
    try:
        _print_hellos(paths, lines, out, problems)
    finally:
        gc.set_threshold(*before)


def _print_hellos(paths: Sequence[Path], lines: HelloLines, out: BinaryIO, problems: Problems) -> None:
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

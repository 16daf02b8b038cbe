"""The lab leaves nothing on the machine, also when something in it fails."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from lab.lab import Lab
from lab.network import maybe_obstacle

pytestmark = pytest.mark.root


class FailedOnPurposeError(Exception):
    """Stands for whatever goes wrong between a lab's start and its end."""


def test_failure_inside_leaves_no_namespace_process_or_file() -> None:
    if obstacle := maybe_obstacle():
        pytest.skip(f"NOT RUN, no lab was built here: {obstacle}")
    lab = Lab()
    folder = lab_folder = Path()
    with contextlib.suppress(FailedOnPurposeError), lab:
        run = lab.start_agent()
        folder, lab_folder = run.rows_file.parent, lab.authority.parent
        assert lab.client_side in namespaces()
        assert commands_that_name(lab_folder)
        raise FailedOnPurposeError
    assert lab.client_side not in namespaces()
    assert not folder.exists()
    assert not lab_folder.exists()
    assert commands_that_name(lab_folder) == []


def namespaces() -> str:
    """What `ip netns list` prints."""
    return subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout


def commands_that_name(folder: Path) -> list[str]:
    """Command lines of running processes that hold the folder's name."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [command for command in found if str(folder) in command]

"""The systemd units: hardened as far as their work allows, as systemd's own tool judges."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
UNITS = sorted(PACKAGING.glob("*/*.service"))
MOST_EXPOSED = 2.5
"""Of 10; systemd calls up to 2 "OK" and from 5 on "MEDIUM"."""


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_exposure_is_low(unit: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT RUN, the units were not judged: no systemd-analyze on this machine")
    command = ["systemd-analyze", "security", "--offline=true", "--json=short", "--threshold=25", str(unit)]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stderr
    assert sum(float(row["exposure"] or 0) for row in json.loads(judged.stdout)) > 0
    said = subprocess.run([*command[:3], str(unit)], capture_output=True, text=True, check=True).stdout
    assert float(said.rpartition(": ")[2].split()[0]) < MOST_EXPOSED


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_every_line_is_understood(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT RUN, the units were not parsed: no systemd-analyze on this machine")
    # Programs and users that are not on this machine are no fault of the unit.
    copy = tmp_path / unit.name
    text = unit.read_text("utf-8")
    copy.write_text(
        "\n".join(
            "ExecStart=/bin/true" if line.startswith("ExecStart=") else line for line in text.splitlines()
        )
    )
    command = ["systemd-analyze", "verify", "--man=false", "--recursive-errors=no", str(copy)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert unit.name not in checked.stderr, checked.stderr

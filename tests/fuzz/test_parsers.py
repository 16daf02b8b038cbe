"""A short run of the fuzzer, so that it cannot rot; the long one is by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("parsers.py")
PURE_ENTRIES = 19


def test_mutated_input_gives_a_value_need_more_or_malformed() -> None:
    run = subprocess.run(
        [sys.executable, str(PROGRAM), "--executions", "25000", "--seed", "20261122"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("executions") >= PURE_ENTRIES

"""The lab's modules on the path, and one run of its short form for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

# Tests are imported without their folder on the path; bench/join_accuracy.py imports the same files.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab.accuracy import Accuracy, measure
from lab.lab import Lab
from lab.live_agent import LiveAgent
from lab.network import maybe_obstacle
from lab.nonces import Sent
from lab.phases import SHORT, run_all


@dataclass(frozen=True, slots=True)
class ShortForm:
    """What the clients sent, what the agent made of it."""

    sent: list[Sent]
    runs: list[LiveAgent]
    phases: dict[str, Accuracy]


@pytest.fixture(scope="module")
def short_form() -> Iterator[ShortForm]:
    """Every phase once, with about 2,400 requests."""
    if obstacle := maybe_obstacle():
        pytest.skip(f"NOT RUN, joins were not measured on live traffic here: {obstacle}")
    with Lab() as lab:
        sent = run_all(lab, SHORT)
        yield ShortForm(sent, lab.runs, measure(sent, lab.runs))

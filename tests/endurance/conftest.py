"""The modules of this folder on the path, and the short forms of the soaks, each run once for its tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Tests are imported without their folder on the path; bench/soak.py imports the same files.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from endurance.cable import maybe_obstacle
from endurance.scenario import Outcome, Plan, soak


def _soaked(plan: Plan, folder: Path) -> Outcome:
    if obstacle := maybe_obstacle():
        pytest.skip(f"NOT RUN, the live agent was not soaked here: {obstacle}")
    return soak(plan, folder, JA4_CAPTURE_RING_MIB="128")


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """1,800 connections, 4,500 requests; the database is killed in the middle and comes back."""
    plan = Plan(seconds=9, connections_per_s=200, database_away=(2.5, 6.0))
    return _soaked(plan, tmp_path_factory.mktemp("outage"))


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The agent is killed twice while it works."""
    plan = Plan(connections_per_s=100, kills=2)
    return _soaked(plan, tmp_path_factory.mktemp("killed"))


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """More half-open handshakes than the agent holds at once, with some honest connections."""
    plan = Plan(seconds=6, connections_per_s=50, flood_per_s=15_000, flood=(1.0, 3.0))
    return _soaked(plan, tmp_path_factory.mktemp("flooded"))

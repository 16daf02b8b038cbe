"""The sizing table says what its arithmetic gives. Expected numbers are worked by hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def sizing(project_root: Path) -> ModuleType:
    """The program that computes the table."""
    spec = importlib.util.spec_from_file_location("bench_sizing", project_root / "bench" / "sizing.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses looks its own module up
    spec.loader.exec_module(module)
    return module


def test_two_hundred_million_requests_a_day(sizing: ModuleType) -> None:
    # 15 * 101 + 90 * 17 + 7 * 2 + 365 * 2 = 3,789 byte days; * 4/3 * 200 million = 1,010.4 GB, so 3 shards.
    # The busiest hour has 200 / 24 * 1.6 = 13.33 million: 44.4 times 2.4 GB; 13.33 * 24.3 s * 2 / 16.
    need = sizing.need_of(200_000_000)
    assert need.shards == 3
    assert need.shard_disk_gb == pytest.approx(336.8)
    assert need.builder_memory_gb == pytest.approx(106.67, abs=0.01)
    assert need.hour_build_s == pytest.approx(40.5)


def test_a_small_hour_takes_what_was_measured(sizing: ModuleType) -> None:
    assert sizing.need_of(1_000_000).hour_build_s == 10.49


def test_bytes_that_are_kept_are_the_bytes_that_were_measured(sizing: ModuleType) -> None:
    assert sum(size for size, _ in sizing.KEPT_BYTES_DAYS) == pytest.approx(sizing.ALL_BYTES)


def test_page_has_the_table(sizing: ModuleType) -> None:
    """After a new measurement: `python bench/sizing.py --write`."""
    page = sizing.PAGE.read_text()
    assert sizing.page_with(sizing.table(), page) == page

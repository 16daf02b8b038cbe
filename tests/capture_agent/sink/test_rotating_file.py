"""A file of rows that is rotated: every row is in one file, whole, and the oldest files go."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capture_agent.ports import DiscardReason, SinkError
from capture_agent.sink.rotating_file import RotatingFileSink, RotationLimits

US_PER_S = 1_000_000
Opener = Callable[..., RotatingFileSink]


class Wall:
    """Time that passes only when told."""

    us = 1_795_350_000 * US_PER_S

    def __call__(self) -> int:
        return self.us


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def opener(tmp_path: Path, wall: Wall) -> Opener:
    def opened(**limits: Any) -> RotatingFileSink:
        return RotatingFileSink(tmp_path / "rows.jsonl", RotationLimits(**limits), wall)

    return opened


def times(path: Path) -> list[str]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert not text or text.endswith(b"\n")
    return [json.loads(line)["ts"] for line in text.splitlines()]


def files(tmp_path: Path) -> list[Path]:
    return sorted(tmp_path.iterdir())


def test_file_is_rotated_by_size_and_every_row_is_in_one(
    tmp_path: Path, opener: Opener, wall: Wall, ticks: Any
) -> None:
    sink = opener(max_bytes=4_000, keep=100)
    rows = ticks(40)
    for row in rows:
        wall.us += US_PER_S
        sink.write([row])
    sink.close()
    found = files(tmp_path)
    assert found[0].name == "rows.jsonl"
    assert len(found) > 2
    assert all(path.name.endswith("Z.gz") for path in found[1:])
    # The names sort by time, and the open file is the newest.
    seen = [moment for path in (*found[1:], found[0]) for moment in times(path)]
    assert len(seen) == 40
    assert seen == sorted(seen)
    assert all(len(gzip.decompress(path.read_bytes())) <= 4_000 for path in found[1:])
    assert sink.counts.inserted == 40


def test_only_the_newest_are_kept_and_other_files_are_left_alone(
    tmp_path: Path, opener: Opener, wall: Wall, ticks: Any
) -> None:
    (tmp_path / "rows.jsonl.important").touch()
    sink = opener(max_bytes=1, keep=2, is_compressed=False)
    for row in ticks(6):
        wall.us += US_PER_S
        sink.write([row])
    sink.close()
    names = [path.name for path in files(tmp_path)]
    assert names[0] == "rows.jsonl"
    assert "rows.jsonl.important" in names
    assert len(names) == 4


def test_file_is_rotated_by_age_unless_it_is_empty(
    tmp_path: Path, opener: Opener, wall: Wall, ticks: Any
) -> None:
    sink = opener(max_age_us=3_600 * US_PER_S)
    wall.us += 7_200 * US_PER_S
    sink.tend()
    assert len(files(tmp_path)) == 1
    sink.write(ticks(1))
    wall.us += 3_599 * US_PER_S
    sink.tend()
    assert len(files(tmp_path)) == 1
    wall.us += US_PER_S
    sink.tend()
    assert len(files(tmp_path)) == 2
    sink.close()


def test_rotation_by_somebody_else_is_followed(tmp_path: Path, opener: Opener, ticks: Any) -> None:
    sink = opener()
    sink.write(ticks(1))
    (tmp_path / "rows.jsonl").rename(tmp_path / "rows.jsonl.1")
    sink.tend()
    sink.write(ticks(2))
    sink.close()
    assert (len(times(tmp_path / "rows.jsonl.1")), len(times(tmp_path / "rows.jsonl"))) == (1, 2)


def test_rows_are_added_to_the_file_of_an_earlier_run(tmp_path: Path, opener: Opener, ticks: Any) -> None:
    for _ in range(2):
        sink = opener()
        sink.write(ticks(3))
        sink.close()
    assert len(times(tmp_path / "rows.jsonl")) == 6


def test_full_disk_costs_the_rows_that_did_not_fit_and_leaves_no_half_line(
    tmp_path: Path, opener: Opener, ticks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = opener()
    sink.write(ticks(2))
    real, left = os.write, [100]

    def nearly_full(descriptor: int, block: bytes) -> int:
        if not left:
            raise OSError(28, "No space left on device")
        return real(descriptor, block[: left.pop()])

    monkeypatch.setattr(os, "write", nearly_full)
    with pytest.raises(SinkError, match="No space left on device; 3 rows are not in it"):
        sink.write(ticks(3))
    monkeypatch.setattr(os, "write", real)
    sink.write(ticks(4))
    sink.close()
    assert len(times(tmp_path / "rows.jsonl")) == 6
    assert (sink.counts.inserted, sink.counts.discards) == (6, {DiscardReason.REFUSED: 3})


def test_compression_that_was_interrupted_is_cleared_away(tmp_path: Path, opener: Opener) -> None:
    part = tmp_path / "rows.jsonl.20261122T171500.482913Z.gz.part"
    part.write_bytes(b"half")
    opener().close()
    assert not part.exists()

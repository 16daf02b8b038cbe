"""What was acknowledged is there: after kill -9 under writers, and on a disk that is full."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

WRITERS = 4
ROWS_PER_BATCH = 500
DISK_MIB = 64


class Writer(threading.Thread):
    """Inserts numbered batches until the database goes away; knows which were acknowledged."""

    def __init__(self, gateway: Any, number: int) -> None:
        super().__init__()
        self.gateway = gateway
        self.number = number
        self.acknowledged: set[int] = set()
        self.sent: set[int] = set()
        self.has_started = threading.Event()

    def run(self) -> None:
        for place in range(100_000):
            batch = self.number * 1_000_000 + place
            rows = "".join(f"{batch}\t{row}\n" for row in range(ROWS_PER_BATCH))
            self.sent.add(batch)
            try:
                answer = self.gateway.ask("insert into batches format TSV\n" + rows)
            except (OSError, HTTPException):
                return
            if answer.status != 200:
                return
            self.acknowledged.add(batch)
            if place == 5:
                self.has_started.set()


def test_acknowledged_batches_survive_kill_9(tmp_path: Path, run_gateway: Any) -> None:
    acknowledged: set[int] = set()
    sent: set[int] = set()
    for round_number in range(3):
        with run_gateway(tmp_path) as gateway:
            gateway.ask(
                "create table if not exists batches (batch UInt64, place UInt32) "
                "engine = MergeTree order by (batch, place)"
            )
            writers = [Writer(gateway, round_number * WRITERS + place) for place in range(WRITERS)]
            for writer in writers:
                writer.start()
            for writer in writers:
                assert writer.has_started.wait(timeout=30)
            gateway.kill()
            for writer in writers:
                writer.join(timeout=30)
                acknowledged |= writer.acknowledged
                sent |= writer.sent
    with run_gateway(tmp_path) as gateway:
        answer = gateway.ask("select batch, count(), uniqExact(place) from batches group by batch format TSV")
    stored = {
        int(batch): (int(rows), int(places))
        for batch, rows, places in map(str.split, answer.text.splitlines())
    }
    assert len(acknowledged) >= 3 * WRITERS * 5
    assert acknowledged <= set(stored) <= sent
    assert set(stored.values()) == {(ROWS_PER_BATCH, ROWS_PER_BATCH)}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB. Needs the right to mount."""
    path = tmp_path / "small"
    path.mkdir()
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: behaviour on a full disk, because only root may mount a small file system")
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(path)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"NOT TESTED: behaviour on a full disk, because mount failed: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.mark.root
def test_full_disk_is_an_error_and_acknowledged_rows_are_stored(small_disk: Path, run_gateway: Any) -> None:
    rows_per_batch, row_bytes = 2000, 1000
    with run_gateway(small_disk / "data") as gateway:
        gateway.ask("create table t (id UInt64, noise String codec(NONE)) engine = MergeTree order by id")
        acknowledged = 0
        for batch in range(DISK_MIB * 2**20 // (rows_per_batch * row_bytes) + 10):
            noise = os.urandom(row_bytes // 2).hex()
            rows = "".join(f"{batch * rows_per_batch + row}\t{noise}\n" for row in range(rows_per_batch))
            answer = gateway.ask("insert into t format TSV\n" + rows)
            if answer.status != 200:
                break
            acknowledged += rows_per_batch
        assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (500, "243")
        assert acknowledged > 0
        assert gateway.ask("select count(), uniqExact(id) from t").text == f"{acknowledged}\t{acknowledged}\n"
        assert gateway.ask("drop table t sync").status == 200
        gateway.ask("create table t (id UInt64) engine = MergeTree order by id")
        assert gateway.ask("insert into t values (1)").status == 200
        assert gateway.ask("select count() from t").text == "1\n"

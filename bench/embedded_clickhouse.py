"""Speed of embedded_clickhouse beside its own engine called in-process, by the same client code.

Prints a table of medians and the ratio: what the HTTP gateway costs. Run with
`python bench/embedded_clickhouse.py [--rounds N]`; both sides take turns in each round.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client

START_DEADLINE_S = 60
COLUMNS = 30
START = datetime(2026, 11, 22, tzinfo=UTC)
TABLE = "bench"


def create(client: Client) -> None:
    """A table of 30 columns: a third each of times, numbers and repeating strings."""
    kinds = ["DateTime64(6, 'UTC')", "UInt64", "LowCardinality(String)"]
    columns = ", ".join(f"c{place} {kinds[place % 3]}" for place in range(COLUMNS))
    client.command(f"create or replace table {TABLE} ({columns}) engine = MergeTree order by c0")


def batch(rows: int) -> list[list[object]]:
    """Columns of one batch."""
    makers: list[Callable[[int], object]] = [
        lambda row: START + timedelta(milliseconds=row),
        lambda row: row * 7919,
        lambda row: f"value {row % 50}",
    ]
    return [[makers[place % 3](row) for row in range(rows)] for place in range(COLUMNS)]


def seconds(action: Callable[[], object]) -> float:
    """Time of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(client: Client, columns: dict[int, list[list[object]]]) -> dict[str, float]:
    """One round: milliseconds of `select 1`, rows per second of each size of batch and of a read."""
    names = [f"c{place}" for place in range(COLUMNS)]
    found = {
        "select 1, ms": statistics.median(seconds(lambda: client.query("select 1")) for _ in range(50)) * 1e3
    }
    for rows, content in columns.items():
        insert = statistics.median(
            seconds(lambda content=content: client.insert(TABLE, content, names, column_oriented=True))  # type: ignore[misc]
            for _ in range(3)
        )
        found[f"insert {rows} rows, rows/s"] = rows / insert
    read = seconds(lambda: client.query(f"select * from {TABLE} limit 50000"))  # noqa: S608 - a constant
    found["read 50000 rows, rows/s"] = 50_000 / read
    return found


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Poll /ping."""
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/ping", timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise RuntimeError("the gateway did not start")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=18923)
    arguments = parser.parse_args()
    columns = {10_000: batch(10_000), 100_000: batch(100_000)}
    password = secrets.token_hex(8)
    with tempfile.TemporaryDirectory() as folder:
        url = f"http://127.0.0.1:{arguments.port}"
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "embedded_clickhouse",
                "--path",
                f"{folder}/gateway",
                "--port",
                str(arguments.port),
            ],
            env={**os.environ, "JA4_CLICKHOUSE_USER": "bench", "JA4_CLICKHOUSE_PASSWORD": password},
        )
        try:
            wait_until_ready(url, process)
            gateway = clickhouse_connect.get_client(dsn=url.replace("://", f"://bench:{password}@"))
            direct = clickhouse_connect.get_client(interface="chdb", path=str(Path(folder) / "direct"))
            rounds: dict[str, list[dict[str, float]]] = {"gateway": [], "direct": []}
            for _ in range(arguments.rounds):
                for name, client in (("gateway", gateway), ("direct", direct)):
                    create(client)
                    rounds[name].append(measure(client, columns))
        finally:
            process.terminate()
            process.wait(timeout=30)
    print(f"{'median of ' + str(arguments.rounds):<28}{'gateway':>12}{'direct':>12}{'ratio':>8}")
    for key in rounds["gateway"][0]:
        ours, peer = (statistics.median(one[key] for one in rounds[name]) for name in ("gateway", "direct"))
        print(f"{key:<28}{ours:>12,.2f}{peer:>12,.2f}{ours / peer:>8.2f}")


if __name__ == "__main__":
    main()

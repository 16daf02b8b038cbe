"""What a number of requests a day needs: shards, disk, memory, time; from what bench/warehouse.py measured.

    python bench/sizing.py [--write]

Prints the table of docs/reference/sizing.md; `--write` puts it there. Only arithmetic: every constant that
was measured says so, every other one is a choice and says why.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "sizing.md"
BEGIN, END = "<!-- table of bench/sizing.py -->", "<!-- end of the table -->"

RAW_BYTES = 56.1
"""Measured: a stored request and its fifth of a hello."""
ALL_BYTES = 122.0
"""Measured: with everything that is made of it, while all of it is kept."""
KEPT_BYTES_DAYS = (
    (RAW_BYTES + 44.9, 15),  # raw rows; int_requests and the parts of the entity hour
    (17.0, 90),  # marts and scores
    (2.0, 7),  # rollups by the minute
    (2.0, 365),  # verdicts, first sightings, rollups by the day
)
"""Bytes of a request and the days that they are kept; the bytes add up to ALL_BYTES."""
MERGE_SHARE = 4 / 3
"""Choice: a third more, because a merge holds old and new parts at once."""
BUILD_S_A_MILLION = 24.3
"""Measured: a full build of 100 million requests, in runs of six hours, on 2 cores."""
HOUR_REQUESTS, HOUR_S, HOUR_MEMORY_GB = 300_000, 10.49, 2.4
"""Measured: time and the database's peak memory for the build of one hour of so many requests, on 2 cores."""
MEASURED_CORES = 2
DAY_QUERY_S, DAY_QUERY_REQUESTS = 0.54, 24 * HOUR_REQUESTS
"""Measured: p95 of the dashboard's slowest query, over 24 hours, on 2 cores."""
REST_MEMORY_GB = 1.0
"""Measured: peak of the database under the dashboard's queries."""
PEAK_HOUR = 1.6
"""The twin's busiest hour over its mean."""
MAX_SHARD_DISK_GB = 500
"""Choice: a replica that is copied anew over 1 Gbit/s is there again after little more than an hour."""
MAX_QUERY_S = 1.0
"""The dashboard's own goal for its slowest query."""
CORES = {1_000_000: 2, 10_000_000: 4}
LARGE_CORES = 16
MEMORY_SIZES_GB = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
REQUESTS_A_DAY = (1_000_000, 10_000_000, 50_000_000, 200_000_000, 1_000_000_000)


@dataclass(frozen=True, slots=True)
class Need:
    """What one row of the table says; disk and memory in GB of 10^9 bytes, for one copy of the data."""

    requests_a_day: int
    shards: int
    shard_disk_gb: float
    builder_memory_gb: float
    """Of the server that dbt talks to: joins of a build are made there, whatever the number of shards."""
    cores: int
    hour_build_s: float
    """Time that the build of the busiest hour takes there."""


def need_of(requests_a_day: int) -> Need:
    """The arithmetic; `docs/reference/sizing.md` says it in words."""
    cores = CORES.get(requests_a_day, LARGE_CORES)
    byte_days = sum(size * days for size, days in KEPT_BYTES_DAYS)
    disk_gb = requests_a_day * byte_days * MERGE_SHARE / 1e9
    query_s = DAY_QUERY_S * requests_a_day / DAY_QUERY_REQUESTS * MEASURED_CORES / cores
    shards = max(math.ceil(disk_gb / MAX_SHARD_DISK_GB), math.ceil(query_s / MAX_QUERY_S))
    busiest = requests_a_day / 24 * PEAK_HOUR
    return Need(
        requests_a_day,
        shards,
        disk_gb / shards,
        HOUR_MEMORY_GB * busiest / HOUR_REQUESTS,
        cores,
        max(HOUR_S, busiest / 1e6 * BUILD_S_A_MILLION * MEASURED_CORES / cores),
    )


def table() -> str:
    """The table in Markdown."""
    names = (
        "requests a day",
        "shards",
        "disk of a shard",
        "cores of a server",
        "memory that the build of the busiest hour needs",
        "server's memory",
        "build of the busiest hour",
    )
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for need in map(need_of, REQUESTS_A_DAY):
        least = need.builder_memory_gb + REST_MEMORY_GB
        size = next(size for size in MEMORY_SIZES_GB if size >= least)
        lines.append(
            f"| {need.requests_a_day // 10**6:,} million | {need.shards} | {need.shard_disk_gb:,.0f} GB"
            f" | {need.cores} | {need.builder_memory_gb:,.1f} GB | {size:,} GB | {need.hour_build_s:,.0f} s |"
        )
    return "\n".join(lines)


def page_with(text: str, page: str) -> str:
    """The page with `text` between its two marks. Raises ValueError without them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} has no marks around the table")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="What a number of requests a day needs.")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    if parser.parse_args().write:
        PAGE.write_text(page_with(table(), PAGE.read_text()))
    sys.stdout.write(table() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Scoring and training speed, reads and writes included: `python bench/scoring.py [--rows N] [--window N]`.

Scoring: an embedded database and this program share one core. Each hour is read, scored, given p-values and
explanations where they are due, and written to `bot_scores`, as the asset does. Peer: scikit-learn's own
`score_samples` of the same forest on the same inputs, already scaled and in memory.
Training: a window of that many entity hours, sampled to 500,000 by a hash of the key, as the asset reads it,
with four configurations; peak memory of this program and of the database.

Entity hours are made by the database from a hash; figures of detection say nothing here.
"""

from __future__ import annotations

import argparse
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from ja4_assets.evaluation.identities import TRUTH_SCHEMA
from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.features.frame import read_sufficient_entity_hours
from ja4_assets.ml.forest import ForestSettings
from ja4_assets.ml.scaling import model_matrix
from ja4_assets.ml.score import ScoredBy, score_entity_hours
from ja4_assets.ml.training import configurations, fit
from ja4_assets.ml.window import read_classes, read_training_data
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.rules.catalogue import RULES
from ja4_assets.storage import migrate

ROOT = Path(__file__).resolve().parent.parent
MARTS = ROOT / "dbt_clickhouse" / "models" / "marts"
MART = "fct_entity_hour"
READ_BY_RULES = ("dim_bot_identity", "dim_label")
START = datetime(2026, 11, 1, tzinfo=UTC)
EVERY_ROW = 2**62
SAMPLE = 500_000
PASSWORD = "bench-only"  # noqa: S105 - of a database that listens on loopback and lives for this run
GIGABYTE = 1024**2
GOAL_PER_MINUTE = 1_000_000

FILLED = {
    "hour": "toDateTime64('2026-11-01 00:00:00', 0, 'UTC')"
    " + toIntervalHour(intDiv(number, {per_hour:UInt64}))",
    "client_ip": "toIPv6(IPv4NumToString(toUInt32(167772160 + number % {per_hour:UInt64})))",
    "ja4_stable": "concat('t13d', toString(number % 300))",
    "host": "concat('h', toString(cityHash64(number) % 20), '.test')",
    "ua_family": "if(number % 10 = 0, 'curl', 'Chrome')",
    "user_agent": "if(number % 3 = 0, 'Mozilla/5.0 (iPhone) Mobile', 'Mozilla/5.0 (X11)')",
    "requests": "toUInt64(20)",
    "is_sufficient": "true",
}
UNIFORM = "(cityHash64(number, __I__, 7) % 10000) / 10001"
FEATURE = "if(cityHash64(number, __I__) % 10 = 0, null, -log(1 - " + UNIFORM + ") / 4)"


def main() -> None:
    """Run both parts, each in a process of its own, so that one's memory is not counted as the other's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="entity hours to score")
    parser.add_argument("--window", type=int, default=5_000_000, help="entity hours to train on")
    parser.add_argument("--part", choices=("scoring", "training"))
    options = parser.parse_args()
    if options.part is None:
        for part in ("scoring", "training"):
            numbers = ["--rows", str(options.rows), "--window", str(options.window)]
            subprocess.run([sys.executable, __file__, "--part", part, *numbers], check=True)
    elif options.part == "scoring":
        measure_scoring(options.rows)
    else:
        measure_training(options.window)


def measure_scoring(rows: int) -> None:
    """One core for this program and the database together."""
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "POLARS_MAX_THREADS"), "1"))
    with database() as (clickhouse, _):
        hours = 10
        fill(clickhouse, rows, rows // hours)
        end = START + timedelta(hours=hours)
        with clickhouse.client() as client:
            data = read_training_data(client, RULES, START, end, 100_000, pl.DataFrame(schema=TRUTH_SCHEMA))
        forest = fit(data, configurations(ForestSettings())[0]).forest
        core = {min(os.sched_getaffinity(0))}
        for process in (os.getpid(), *children()):
            pin(process, core)
        spent = dict.fromkeys(("read", "score", "write"), 0.0)
        cpu = sum(cpu_seconds(process) for process in (os.getpid(), *children()))
        scored = 0
        for number in range(hours):
            first, last = START + timedelta(hours=number), START + timedelta(hours=number + 1)
            started = time.perf_counter()
            with clickhouse.client() as client:
                entities = read_sufficient_entity_hours(client, first, last, EVERY_ROW)
                classes = read_classes(client, entities, first, last, EVERY_ROW)
            read = time.perf_counter()
            by = ScoredBy("bench", "1", "0", "run", datetime.now(UTC))
            frame = score_entity_hours(forest, entities, classes, by)
            done = time.perf_counter()
            scored += clickhouse.insert("bot_scores", frame)
            spent["read"] += read - started
            spent["score"] += done - read
            spent["write"] += time.perf_counter() - done
        cpu = sum(cpu_seconds(process) for process in (os.getpid(), *children())) - cpu
        total = sum(spent.values())
        inputs = np.asarray(forest.pipeline[:-1].transform(model_matrix(data.entities)), dtype=np.float32)
        started = time.perf_counter()
        forest.pipeline.named_steps["forest"].score_samples(inputs)
        peer = len(inputs) / (time.perf_counter() - started)
    trees = len(forest.pipeline[-1].estimators_)
    print(f"scored {scored:,} entity hours of {len(FEATURE_NAMES)} features, {trees} trees")
    print(f"{'stage':28}{'seconds':>10}{'us a row':>10}")
    for stage, seconds in spent.items():
        print(f"{stage:28}{seconds:>10.1f}{seconds / scored * 1e6:>10.1f}")
    print(f"{'processor time of both':28}{cpu:>10.1f}{cpu / scored * 1e6:>10.1f}")
    ours = scored / total
    print(f"entity hours a minute on one core   {ours * 60:>14,.0f}   goal {GOAL_PER_MINUTE:,}")
    print(f"by processor time, machine busy     {scored / cpu * 60:>14,.0f}")
    print(f"scikit-learn score_samples alone    {peer * 60:>14,.0f}   ratio {ours / peer:.2f}")


def measure_training(rows: int) -> None:
    """All cores; what the asset does before it logs to MLflow."""
    with database() as (clickhouse, server):
        hours = 168
        fill(clickhouse, rows, -(-rows // hours))
        started = time.perf_counter()
        with clickhouse.client() as client:
            end = START + timedelta(hours=hours)
            data = read_training_data(client, RULES, START, end, SAMPLE, pl.DataFrame(schema=TRUTH_SCHEMA))
        read = time.perf_counter()
        fitted = [fit(data, configuration) for configuration in configurations(ForestSettings())]
        done = time.perf_counter()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIGABYTE
        memory_of_server = peak_gigabytes(server)
    print(f"window of {rows:,} entity hours, sampled to {data.entities.height:,} by a hash of the key")
    print(f"read {read - started:.1f} s, {len(fitted)} configurations {done - read:.1f} s")
    print(f"seconds in all                      {done - started:>14.0f}   goal 300")
    print(f"peak memory, program + database, GB {memory:>8.2f} + {memory_of_server:.2f}   goal 4")


@contextmanager
def database() -> Iterator[tuple[ClickHouseResource, int]]:
    """An embedded database of its own, migrated, and its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "JA4_CLICKHOUSE_PASSWORD": PASSWORD}
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "embedded_clickhouse",
            "--path",
            f"{folder}/data",
            "--port",
            str(port),
        ]
        with subprocess.Popen(command, env=environment) as server:
            try:
                url = f"http://ja4:{PASSWORD}@127.0.0.1:{port}/bench"
                wait_until_ready(port, server)
                migrate.upgrade(url)
                yield ClickHouseResource(url=url), server.pid
            finally:
                server.terminate()


def wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until the database accepts connections; raises RuntimeError if it ends before."""
    while server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the database did not start")


def fill(clickhouse: ClickHouseResource, rows: int, per_hour: int) -> None:
    """Make `fct_entity_hour` with the columns that dbt declares, and what rules read beside it, empty."""
    clickhouse.command("create table watched_fingerprints (ja4 String) engine = MergeTree order by ja4")
    for mart in READ_BY_RULES:
        create(clickhouse, mart, declared(mart))
    columns = declared(MART)
    create(clickhouse, MART, columns)
    expressions = [
        FILLED.get(name)
        or (
            FEATURE.replace("__I__", str(place))
            if name in FEATURE_NAMES
            else f"defaultValueOfTypeName('{kind.replace(chr(39), chr(92) + chr(39))}')"
        )
        for place, (name, kind) in enumerate(columns.items())
    ]
    statement = "insert into fct_entity_hour select " + ", ".join(expressions)
    for first in range(0, rows, SAMPLE):
        part = statement + " from numbers({first:UInt64}, {count:UInt64})"
        clickhouse.command(part, {"per_hour": per_hour, "first": first, "count": min(SAMPLE, rows - first)})


def declared(mart: str) -> dict[str, str]:
    """Column -> type of a mart, from its dbt contract."""
    model = yaml.safe_load((MARTS / f"{mart}.yml").read_text())["models"][0]
    return {column["name"]: column["data_type"] for column in model["columns"]}


def create(clickhouse: ClickHouseResource, mart: str, columns: dict[str, str]) -> None:
    """A table with a mart's columns."""
    listed = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
    order = "(hour, client_ip)" if mart == MART else "tuple()"
    clickhouse.command(f"create table {mart} ({listed}) engine = MergeTree order by {order}")


def children() -> list[int]:
    """Processes that this one started."""
    tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
    return [int(one) for task in tasks for one in (task / "children").read_text().split()]


def pin(process: int, core: set[int]) -> None:
    """Put every thread of a process on one core; threads that it starts later inherit it."""
    for task in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(task.name), core)


def cpu_seconds(process: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_gigabytes(process: int) -> float:
    """Largest resident size of a process so far."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / GIGABYTE


if __name__ == "__main__":
    main()

"""What the warehouse costs at scale: disk, builds, the dashboard's queries, memory.

    python bench/warehouse.py [--rows 10000000] [--before 1000000] [--data DIR]
    python bench/warehouse.py --again --data DIR

Makes a statistical twin of the bundled recording (`warehouse_twin.py`), loads it into the embedded database,
builds every model, as many hours at a time as a run of the platform takes, and measures. With `--before`,
the one-hour build is measured a first time when that many rows are there: the same hour, less history.

The yardstick of the one-hour build is each model's compiled query as one `insert … select` into an empty
copy of its table: what is left is dbt's own part (temporary tables, replaced partitions, emptied hours).
dbt's start, about 4 s a run whatever it builds, is printed by itself and is in no ratio.

Needs about 1.3 GB of disk for each 10 million requests, and as much again while parts are merged.
With `--data`, the database stays there for other measurements (password: bench). `--again` measures one that
is there, with today's models: the one-hour build, sizes and queries.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from warehouse_queries import time_queries
from warehouse_server import Build, Server, connect, database, dbt, target_folder
from warehouse_twin import TwinHour, make_hour, make_values, now_hour, twin_hours

from ja4_assets.intel.catalogue import SOURCES
from ja4_assets.intel.fetch import DEFAULT, fetch
from ja4_assets.intel.store import activate
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.storage import migrate
from ja4_assets.warehouse.run_hours import RUN_HOURS

RECORDED = ("raw_http_requests", "raw_tls_hellos")
STORED = ("config.materialized:incremental", "config.materialized:table")

SCORES = """
insert into bot_scores (
    hour, client_ip, ja4_stable, host, model_name, model_version, anomaly_score, score_quantile, threshold,
    top_features, data_version, dagster_run_id, scored_at
)
select
    hour, client_ip, ja4_stable, host, 'entity_forest' as model_name, '1' as model_version,
    twin_uniform(sipHash64(hour, client_ip, host), 'score') as anomaly_score, anomaly_score as score_quantile,
    0.95 as threshold,
    arrayMap(
        name -> (name, toNullable(anomaly_score), toNullable(0.1), anomaly_score / 3),
        ['iat_cv', 'hdr_order_bits', 'uniq_path_ratio', 'ua_ja4_bits', 'asset_ratio']
    ) as top_features,
    'twin' as data_version, 'bench' as dagster_run_id, hour + toIntervalMinute(65) as scored_at
from fct_entity_hour
where is_sufficient and hour >= {start:DateTime64(6, 'UTC')} and hour < {end:DateTime64(6, 'UTC')}
"""
VERDICTS = """
insert into verdicts (
    decided_at, hour, client_ip, ja4_stable, host, verdict, source, source_id, confidence, reason, evidence,
    dagster_run_id
)
select
    hour + toIntervalMinute(66) as decided_at, hour, client_ip, ja4_stable, host,
    multiIf(score > 0.9, 'bad_bot', score > 0.8, 'suspicious', score > 0.77, 'good_bot', 'human') as verdict,
    if(score > 0.85, 'rule', 'model') as source, if(score > 0.85, 'R004', 'entity_forest:1') as source_id,
    toFloat32(score) as confidence, 'Requests come without the headers that this browser sends.' as reason,
    map('hdr_required_missing', toString(score)) as evidence, 'bench' as dagster_run_id
from (
    select *, twin_uniform(sipHash64(hour, client_ip, host), 'score') as score
    from fct_entity_hour
    where is_sufficient and hour >= {start:DateTime64(6, 'UTC')} and hour < {end:DateTime64(6, 'UTC')}
)
"""
SIZES = """
select table, sum(rows) as stored_rows, sum(bytes_on_disk) as bytes
from system.parts
where active and database = currentDatabase()
group by table
order by bytes desc
"""
STORED_SPAN = """
select count(), toStartOfHour(max(ts))
from raw_http_requests
"""
COLUMN_SIZES = """
select table, column, sum(column_bytes_on_disk) as bytes
from system.parts_columns
where active and database = currentDatabase() and table in ('raw_http_requests', 'raw_tls_hellos')
group by table, column
order by bytes desc
limit 16
"""


def replay_recording(server: Server, scale: float) -> None:
    """The bundled recording and people in numbers, through the agent into the raw tables."""
    with tempfile.TemporaryDirectory() as folder:
        sample = [sys.executable, "-m", "sample_traffic", "--out", folder, "--scale", f"{scale:g}"]
        subprocess.run(sample, check=True, capture_output=True)
        replay = [sys.executable, "-m", "capture_agent.cli", "replay", f"{folder}/sample.pcap"]
        replay += ["--http", f"{folder}/sample_http.jsonl", "--sink", "clickhouse", "--sensor", "twin"]
        replay += ["--shift-to-now"]
        subprocess.run(
            replay, env={**os.environ, "JA4_CLICKHOUSE_URL": server.url}, check=True, capture_output=True
        )


def prepare(server: Server, client: Client, seed: int, scale: float) -> None:
    """Tables, reference data, seeds, and the twin's values; the recording's own rows are removed again."""
    migrate.upgrade(server.url)
    resource = ClickHouseResource(url=server.url)
    for source in SOURCES:
        if source.registry is not None:
            activate(resource, source, fetch(source, DEFAULT))
    replay_recording(server, scale)
    make_values(client, seed)
    for table in [name for (name,) in client.query("show tables").result_rows]:
        if table in RECORDED or (table.startswith("agg_") and not table.endswith("_mv")):
            client.command("truncate table {table:Identifier}", parameters={"table": table})
    dbt(server, "seed")
    # Views need the tables that they read; with nothing stored yet, all of them take a moment.
    dbt(server, "run")


def load_and_build(
    server: Server, client: Client, hours: list[TwinHour], seed: int
) -> tuple[float, float, float]:
    """Make, build and judge hours, RUN_HOURS at a time; seconds of loading, building and dbt's starts."""
    load_s = build_s = start_s = 0.0
    hours = sorted(hours, key=lambda hour: hour.start)
    for at in range(0, len(hours), RUN_HOURS):
        some = hours[at : at + RUN_HOURS]
        began = time.perf_counter()
        for hour in some:
            make_hour(client, hour, seed)
        load_s += time.perf_counter() - began
        start, end = some[0].start, some[-1].start + timedelta(hours=1)
        built = dbt(server, "run", "--select", *STORED, start=start, end=end)
        build_s += built.elapsed_s
        start_s += built.wall_s - built.elapsed_s
        client.command(SCORES, parameters={"start": start, "end": end})
        client.command(VERDICTS, parameters={"start": start, "end": end})
        done = f"{at + len(some)} of {len(hours)} hours, loaded in {load_s:.0f} s, built in {build_s:.0f} s"
        print(f"  … {done}", file=sys.stderr, flush=True)
    # The others saw their scores and verdicts in the next run, which goes back a day.
    build_s += dbt(server, "run", "--select", "fct_entity_judgement", start=start, end=end).elapsed_s
    return load_s, build_s, start_s


def measure_hour(server: Server, client: Client, hour: datetime, runs: int) -> None:
    """Print the one-hour build by dbt and by one statement a table, in turn."""
    window = {"start": hour, "end": hour + timedelta(hours=1)}
    one_thread = ("--threads", "1")
    names = list(dbt(server, "run", "--select", *STORED, *one_thread, **window).models_s)
    builds: list[Build] = []
    plain: list[dict[str, float]] = []
    cpu_s: list[tuple[float, float]] = []
    for _ in range(runs):
        before_s = server.cpu_s()
        builds.append(dbt(server, "run", "--select", *STORED, *one_thread, **window))
        between_s = server.cpu_s()
        plain.append({name: statement_time(client, name) for name in names})
        cpu_s.append((between_s - before_s, server.cpu_s() - between_s))
    ours = {name: statistics.median(one.models_s[name] for one in builds) for name in names}
    theirs = {name: statistics.median(one[name] for one in plain) for name in names}
    start_s = statistics.median(one.wall_s - one.elapsed_s for one in builds)
    ratio = statistics.median(
        sum(b.models_s.values()) / sum(p.values()) for b, p in zip(builds, plain, strict=True)
    )
    print(f"\none-hour build of all {len(names)} stored models, {runs} of each in turn, one thread")
    print(f"  dbt {sum(ours.values()):.2f} s, one statement a table {sum(theirs.values()):.2f} s")
    print(f"  median ratio {ratio:.2f} (goal 1.5); of the database's CPU time "
          f"{statistics.median(a / b for a, b in cpu_s):.2f}")  # fmt: skip
    print(f"  dbt's start and end: {start_s:.1f} s more")
    print(f"  {'model':34}{'dbt s':>8}{'SQL s':>8}")
    for name in sorted(names, key=lambda name: -ours[name])[:12]:
        print(f"  {name:34}{ours[name]:8.2f}{theirs[name]:8.2f}")
    tests = dbt(
        server, "test", "--select", *STORED, "--exclude", "resource_type:unit_test", *one_thread, **window
    )
    print(f"  data tests of that hour: {sum(tests.models_s.values()):.2f} s for {len(tests.models_s)}")


def statement_time(client: Client, model: str) -> float:
    """Seconds of a model's compiled query as one insert into an empty copy of its table."""
    (path,) = (target_folder() / "compiled").rglob(f"{model}.sql")
    client.command(f"create or replace table yardstick as `{model}`")
    names = client.query("describe table yardstick").result_columns[0]
    columns = ", ".join(f"`{name}`" for name in names)
    began = time.perf_counter()
    client.command(f"insert into yardstick select {columns} from ({path.read_text()})")  # noqa: S608 - ours
    seconds = time.perf_counter() - began
    client.command("drop table yardstick sync")
    return seconds


def print_sizes(client: Client, rows: int) -> None:
    """Bytes on disk by table, and the raw tables' largest columns."""
    sizes = {table: (stored, size) for table, stored, size in client.query(SIZES).result_rows}
    print(f"\n{'bytes on disk':34}{'rows':>14}{'MB':>9}{'B/row':>8}{'B/request':>11}")
    for table, (stored, size) in sizes.items():
        if not table.startswith("twin_") and stored and size > 1e5:
            print(f"  {table:32}{stored:14,}{size / 1e6:9.1f}{size / stored:8.1f}{size / rows:11.2f}")
    raw = sum(sizes[table][1] for table in RECORDED)
    print(f"  requests and hellos together: {raw / rows:.1f} B a request (goal 80); "
          f"everything: {sum(size for _, size in sizes.values()) / rows:.1f} B a request")  # fmt: skip
    columns = client.query(COLUMN_SIZES).result_rows
    largest = (f"{table.split('_')[2]}.{column} {size / rows:.1f}" for table, column, size in columns)
    print(f"  largest columns, bytes a request: {', '.join(largest)}")


def print_queries(client: Client, until: datetime, runs: int) -> None:
    """p50 and p95 of each of the dashboard's queries."""
    print(f"\nthe dashboard's queries over 24 hours, {runs} runs each{'p50 ms':>14}{'p95 ms':>9}")
    times, failures = time_queries(client, until, runs)
    for one in times:
        print(f"  {one.name:60}{one.p50 * 1e3:9.0f}{one.p95 * 1e3:9.0f}")
    for name, reason in failures.items():
        print(f"  {name} FAILED: {reason}")


def main() -> None:
    """Make, load, build, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="requests in all (default %(default)s)")
    parser.add_argument("--before", type=int, default=0, help="measure the hour at so many rows first")
    parser.add_argument("--data", type=Path, help="keep the database in this folder")
    parser.add_argument("--again", action="store_true", help="measure what --data holds, load nothing")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--runs", type=int, default=3, help="of each build (default %(default)s)")
    parser.add_argument("--query-runs", type=int, default=10, help="of each query (default %(default)s)")
    parser.add_argument("--scale", type=float, default=0.25, help="people added to the recording")
    options = parser.parse_args()
    if options.again and not (options.data and options.data.is_dir()):
        parser.error("--again needs --data with the folder of an earlier measurement")
    folder = options.data or Path(tempfile.mkdtemp(prefix="bench-warehouse-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with database(folder) as server:
            if options.again:
                measure_again(server, options)
            else:
                run(server, options)
    finally:
        shutil.rmtree(target_folder(), ignore_errors=True)
        if options.data is None:
            shutil.rmtree(folder, ignore_errors=True)


def run(server: Server, options: argparse.Namespace) -> None:
    """All measurements on one running database."""
    client = clickhouse_connect.get_client(dsn=server.url.rpartition("/")[0], autogenerate_session_id=False)
    client.close()
    migrate.upgrade(server.url)
    client = connect(server)
    prepare(server, client, options.seed, options.scale)
    newest = now_hour()
    hours = twin_hours(newest, options.rows)
    first = [
        hour for at, hour in enumerate(hours) if at < len(twin_hours(newest, options.before or options.rows))
    ]
    measured_hour = hours[min(1, len(hours) - 1)].start
    print(
        f"{options.rows:,} requests over {len(hours)} hours, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    server.forget_peak()
    total = [0.0, 0.0, 0.0]
    for part in (first, hours[len(first) :]):
        if not part:
            continue
        for at, seconds in enumerate(load_and_build(server, client, part, options.seed)):
            total[at] += seconds
        print(f"\nat {sum(hour.connections for hour in (first if part is first else hours)) * 5:,} requests:")
        print_peak(server, "load and full build")
        measure_hour(server, client, measured_hour, options.runs)
        print_peak(server, "one-hour build")
    load_s, build_s, start_s = total
    millions = options.rows / 1e6
    print(f"\nload {load_s:.0f} s ({options.rows / load_s:,.0f} requests/s, every view included)")
    print(
        f"full build {build_s:.0f} s ({build_s / millions:.1f} s a million), "
        f"and {start_s:.0f} s of dbt's starts"
    )
    report(server, client, options.rows, newest, options.query_runs)
    client.close()


def measure_again(server: Server, options: argparse.Namespace) -> None:
    """Measure a database that an earlier run left: the hour before the newest with requests."""
    migrate.upgrade(server.url)
    client = connect(server)
    ((rows, newest),) = client.query(STORED_SPAN).result_rows
    hour = newest - timedelta(hours=1)
    print(f"{rows:,} requests are stored, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    # Models that came since, or have new columns, want their tables before anything is timed.
    dbt(server, "run", start=hour, end=newest)
    server.forget_peak()
    measure_hour(server, client, hour, options.runs)
    print_peak(server, "one-hour build")
    report(server, client, rows, newest + timedelta(hours=1), options.query_runs)
    client.close()


def report(server: Server, client: Client, rows: int, until: datetime, query_runs: int) -> None:
    """Print sizes, the dashboard's queries and their peak of memory."""
    print_sizes(client, rows)
    server.forget_peak()
    print_queries(client, until, query_runs)
    print_peak(server, "queries")


def print_peak(server: Server, phase: str) -> None:
    """Print the most memory that the database had since the last call, before anything else can fail."""
    print(
        f"  peak memory of the database's process, {phase}: {server.peak_bytes() / 1e9:.2f} GB (goal 8)",
        flush=True,
    )
    server.forget_peak()


if __name__ == "__main__":
    main()

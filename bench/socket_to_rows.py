"""Speed from a web server's UNIX socket to committed rows of the embedded database.

    python bench/socket_to_rows.py [--rounds 5] [--requests 100000]

The agent's parts as `run` puts them together: one thread reads the socket, joins and makes rows, others cut
batches and insert them. `pure` is the same without the compiled modules. Peer: the same lines decoded by the
json module and written by clickhouse-connect's row insert, 13 columns, without any join. All take turns.
CPU is that of the agent's process and that of the database's; other work on the machine changes elapsed times
most and CPU times least. `bench/correlate.py` has the join alone.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import clickhouse_connect
import structlog
from correlate import BEGIN_US, REQUESTS_PER_CONNECTION, request_lines, watched

from capture_agent import compiled
from capture_agent.agent.running_sinks import open_deliveries
from capture_agent.intake.event_lines import EventDecoder
from capture_agent.intake.limited_report import LimitedReport
from capture_agent.intake.line_intake import LineIntake
from capture_agent.intake.normal_form import NormalForm
from capture_agent.intake.socket_file import SocketAccess
from capture_agent.intake.unix_socket import UnixSocketSource
from capture_agent.pipeline import Pipeline, PipelineSettings
from capture_agent.rows import Row
from capture_agent.settings.loading import load_settings
from capture_agent.sink.batch import BatchLimits

START_DEADLINE_S = 60
FINISH_DEADLINE_S = 120
ROWS_PER_OFFER = 1_000
SENDER = """
import socket, sys
out = socket.socket(socket.AF_UNIX)
content = open(sys.argv[1], "rb").read()
out.connect(sys.argv[2])
out.sendall(content)
"""


@dataclass(frozen=True, slots=True)
class Database:
    """An embedded database in a process of its own."""

    url: str
    pid: int

    def cpu_s(self) -> float:
        """CPU time of its process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of one side, per row."""

    elapsed_us: float
    cpu_us: float
    database_cpu_us: float


@contextlib.contextmanager
def embedded_database() -> Iterator[Database]:
    """A migrated database in a folder that is removed afterwards."""
    from ja4_assets.storage import migrate

    with socket.socket() as probe, tempfile.TemporaryDirectory() as folder:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        password = secrets.token_hex(8)
        process = subprocess.Popen(
            [sys.executable, "-m", "embedded_clickhouse", "--path", folder, "--port", str(port)],
            env={**os.environ, "JA4_CLICKHOUSE_USER": "ja4", "JA4_CLICKHOUSE_PASSWORD": password},
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/ping", process)
            url = f"http://ja4:{password}@127.0.0.1:{port}/bench_rows"
            migrate.upgrade(url)
            yield Database(url, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Until the database answers."""
    give_up = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < give_up and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - the URL is ours
            return
        time.sleep(0.1)
    raise RuntimeError("the database did not start")


@contextlib.contextmanager
def sender_of(recording: Path, path: Path) -> Iterator[None]:
    """A process that writes the lines of a file to a socket as fast as it takes them."""
    process = subprocess.Popen([sys.executable, "-c", SENDER, str(recording), str(path)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measured(work: Callable[[], int], database: Database) -> Measurement:
    """Run `work`, which returns how many rows it stored."""
    gc.collect()
    began_s, cpu_s, database_s = time.perf_counter(), time.process_time(), database.cpu_s()
    rows = work()
    elapsed_s, spent_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    database_s = database.cpu_s() - database_s
    return Measurement(elapsed_s / rows * 1e6, spent_s / rows * 1e6, database_s / rows * 1e6)


def run_agent(recording: Path, requests: int, database: Database, folder: Path, *, pure: bool) -> Measurement:
    """From the socket to the last row that the database has acknowledged."""
    given = {"clickhouse.url": database.url, "spool.max_mib": 0, "delivery.queue_rows": 10 * requests}
    settings = load_settings(None, given, {})
    (delivery,) = open_deliveries(settings, structlog.get_logger())
    form = NormalForm() if pure else NormalForm(split=compiled.header_splitter())
    writer = None if pure else compiled.maybe_http_row_writer("bench")
    pipeline = Pipeline(PipelineSettings("bench", secrets.randbits(63), request_row=writer))
    pipeline._correlator = watched(max(requests // REQUESTS_PER_CONNECTION, 1))
    pipeline.advance(BEGIN_US + 10_000_000)
    path = folder / "http.sock"
    intake = LineIntake("bench", EventDecoder(form), LimitedReport(print, time.monotonic))
    source = UnixSocketSource(path, intake, SocketAccess())

    def work() -> int:
        rows: list[Row] = []
        while source.counts.events < requests:
            for event in source.poll():
                rows += pipeline.note(event)
            if len(rows) >= ROWS_PER_OFFER:
                delivery.offer(rows)
                rows = []
        delivery.offer(rows)
        delivery.stop(FINISH_DEADLINE_S)
        delivery.join()
        return delivery.counts().inserted

    with contextlib.closing(source):
        delivery.start()
        with sender_of(recording, path):
            found = measured(work, database)
    if source.counts.rejected or source.counts.lost or delivery.counts().inserted != requests:
        raise RuntimeError(f"not every row arrived: {source.counts}, {delivery.counts()}")
    return found


def run_script(recording: Path, requests: int, database: Database, folder: Path) -> Measurement:
    """What a script would do: json.loads, one list a row, `client.insert` in blocks; no join."""
    client = clickhouse_connect.get_client(dsn=database.url)
    client.command(
        "create or replace table plain_requests (t UInt64, src String, sport UInt16, dst String, "
        "dport UInt16, method String, uri String, proto String, status UInt16, bytes UInt64, host String, "
        "ua Nullable(String), names Array(String)) engine = MergeTree order by t"
    )
    path = folder / "plain.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def work() -> int:
            rows: list[list[object]] = []
            inserted = 0
            with listener.accept()[0].makefile("rb") as stream:
                for line in stream:
                    event = json.loads(line)
                    headers = event["headers"]
                    rows.append([
                        event["t_us"], event["src_ip"], event["src_port"], event["dst_ip"],
                        event["dst_port"], event["method"], event["unparsed_uri"], event["proto"],
                        event["status"], event["bytes"], event["host"], dict(headers).get("User-Agent"),
                        [name for name, _ in headers],
                    ])  # fmt: skip
                    if len(rows) == BatchLimits().max_rows:
                        client.insert("plain_requests", rows)
                        inserted, rows = inserted + len(rows), []
                    if inserted + len(rows) == requests:
                        break
            if rows:
                client.insert("plain_requests", rows)
            return inserted + len(rows)

        with sender_of(recording, path):
            found = measured(work, database)
    path.unlink()
    client.close()
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100_000)
    options = parser.parse_args()
    sides: dict[str, Callable[[Path, int, Database, Path], Measurement]] = {
        "agent": partial(run_agent, pure=False),
        "agent, pure": partial(run_agent, pure=True),
        "json + row insert": run_script,
    }
    if compiled.request_path_name() == "pure":
        del sides["agent"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    runs: dict[str, list[Measurement]] = {name: [] for name in sides}
    with embedded_database() as database, tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "events"
        recording.write_bytes(b"".join(request_lines(options.requests)))
        client = clickhouse_connect.get_client(dsn=database.url)
        for _ in range(options.rounds):
            for name, run in sides.items():
                client.command("truncate table raw_http_requests")
                runs[name].append(run(recording, options.requests, database, Path(folder)))
                stored = client.query("select count() from raw_http_requests").result_rows[0][0]
                if name.startswith("agent") and stored != options.requests:
                    raise RuntimeError(f"{stored} rows are stored of {options.requests} sent")
        client.close()
    load = os.getloadavg()[0]
    print(
        f"{options.requests:,} rows, medians of {options.rounds} runs of each side in turn, load {load:.1f}"
    )
    print(f"{'':20}{'rows/s':>10}{'rows/CPU s':>12}{'CPU us/row':>12}{'database CPU us/row':>21}")
    for name, found in runs.items():
        elapsed = statistics.median(run.elapsed_us for run in found)
        cpu = statistics.median(run.cpu_us for run in found)
        of_database = statistics.median(run.database_cpu_us for run in found)
        print(f"{name:20}{1e6 / elapsed:10,.0f}{1e6 / cpu:12,.0f}{cpu:12.1f}{of_database:21.1f}")


if __name__ == "__main__":
    main()

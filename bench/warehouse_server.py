"""A ClickHouse engine with the platform's tables for measurements, and dbt runs on it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from socket_to_rows import wait_for

from ja4_assets.warehouse.project import PROJECT_DIR, dbt_environment, dbt_executable

DATABASE = "ja4_processing"
PASSWORD = "bench"  # noqa: S105 - a database that holds nothing real


@dataclass(frozen=True, slots=True)
class Server:
    """An embedded database in a process of its own."""

    url: str
    pid: int

    def peak_bytes(self) -> int:
        """Most memory that its process had since `forget_peak`."""
        return next(
            int(line.split()[1]) * 1024
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        )

    def cpu_s(self) -> float:
        """CPU time of its process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        """Start the peak anew (needs to own the process)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@dataclass(frozen=True, slots=True)
class Build:
    """One run of dbt."""

    wall_s: float
    models_s: dict[str, float]
    elapsed_s: float
    """From dbt's first model to its last, without its start."""


@contextlib.contextmanager
def database(folder: Path) -> Iterator[Server]:
    """Start the embedded database over a folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "embedded_clickhouse", "--path", str(folder), "--port", str(port)],
        env={**os.environ, "JA4_CLICKHOUSE_USER": "ja4", "JA4_CLICKHOUSE_PASSWORD": PASSWORD},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/ping", process)
        yield Server(f"http://ja4:{PASSWORD}@127.0.0.1:{port}/{DATABASE}", process.pid)
    finally:
        process.terminate()
        process.wait(timeout=60)


def connect(server: Server) -> Client:
    """A client that waits as long as a load takes."""
    return clickhouse_connect.get_client(
        dsn=server.url, autogenerate_session_id=False, send_receive_timeout=1800
    )


def dbt(
    server: Server, command: str, *arguments: str, start: datetime | None = None, end: datetime | None = None
) -> Build:
    """Run dbt in a folder that stays; raises with its output when it fails."""
    window = {"JA4_START_HOUR": start, "JA4_END_HOUR": end}
    began = time.perf_counter()
    finished = subprocess.run(
        [dbt_executable(), "--no-use-colors", command, "--project-dir", str(PROJECT_DIR),
         "--profiles-dir", str(PROJECT_DIR), "--target-path", str(target_folder()), *arguments],
        env={**os.environ, **dbt_environment(server.url), "DBT_LOG_PATH": str(target_folder()),
             **{name: f"{hour:%Y-%m-%d %H:00:00}" if hour else "" for name, hour in window.items()}},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if finished.returncode != 0:
        raise RuntimeError(finished.stdout[-6000:] + finished.stderr[-2000:])
    results = json.loads((target_folder() / "run_results.json").read_text())
    models = {one["unique_id"].split(".")[-1]: one["execution_time"] for one in results["results"]}
    return Build(time.perf_counter() - began, models, results["elapsed_time"])


def target_folder() -> Path:
    """Where dbt keeps its parsed project between the runs of this process."""
    folder = Path(tempfile.gettempdir()) / f"bench-warehouse-dbt-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    return folder

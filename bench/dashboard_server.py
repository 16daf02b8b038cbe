"""A dashboard for a measurement: its own process on a free port, with people who are signed in."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from soc_dashboard.access.registry import open_accounts
from soc_dashboard.access.roles import Role

START_DEADLINE_S = 120


@dataclass(frozen=True)
class Bench:
    """A dashboard that is measured."""

    origin: str
    secrets: Sequence[str]
    """A session's secret for each person."""
    cookie: str
    """Name of the cookie that takes it."""
    server: psutil.Process


@contextmanager
def dashboard(dsn: str, users: int, log: Path) -> Iterator[Bench]:
    """A dashboard on a free port."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        accounts = open_accounts(Path(folder))
        secrets = []
        for number in range(users):
            name = f"analyst{number}"
            accounts.users.add("bench", name, Role.ANALYST)
            account = accounts.users.maybe_named(name)
            assert account is not None
            accounts.users.change_password(account, "a long sentence that nobody would guess 7")
            account = accounts.users.maybe_named(name)
            assert account is not None
            secrets.append(accounts.sessions.begin(account, "bench"))
        accounts.file.close()
        environment = {
            **os.environ,
            "JA4_CLICKHOUSE_URL": dsn,
            "JA4_DASHBOARD_PORT": str(port),
            "JA4_HOME": folder,
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "soc_dashboard"], env=environment, stdout=output, stderr=output
            )
        origin = f"http://127.0.0.1:{port}"
        try:
            wait_for(f"{origin}/assets/fonts.css", process, log)
            yield Bench(origin, secrets, f"ja4_session_{port}", psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers. Raises SystemExit with its last words when it does not."""
    give_up = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own loopback
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise SystemExit(f"the dashboard did not start: {log.read_text('utf-8', 'replace')[-2000:]}")

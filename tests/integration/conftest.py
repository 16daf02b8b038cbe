"""A platform, started as a person starts it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

ROOT = Path(__file__).resolve().parents[2]
UP_DEADLINE_S = 900
PORT_SETTINGS = ("JA4_CLICKHOUSE_PORT", "JA4_MLFLOW_PORT", "JA4_DAGSTER_PORT", "JA4_DASHBOARD_PORT")


@dataclass(frozen=True)
class Platform:
    """A running platform: its state folder, its ports, and what `ja4 up` printed."""

    home: Path
    environment: dict[str, str]
    first_output: str

    def origin(self, setting: str) -> str:
        """Address of one service."""
        return f"http://127.0.0.1:{self.environment[setting]}"

    def ja4(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run `ja4 COMMAND` against this platform."""
        return run_ja4(command, self.environment)

    def client(self) -> Client:
        """A connection to its database."""
        password = (self.home / "secrets" / "clickhouse_password").read_text().strip()
        port = self.environment["JA4_CLICKHOUSE_PORT"]
        return clickhouse_connect.get_client(
            dsn=f"http://ja4:{password}@127.0.0.1:{port}/ja4_processing", autogenerate_session_id=False
        )

    def json(self, setting: str, path: str, body: dict[str, Any] | None = None, token: str = "") -> Any:
        """A JSON document of one service; POST if there is a body."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(
            self.origin(setting) + path,
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def token(platform: Platform) -> str:
    """An API token that may read, as an admin makes it."""
    command = [sys.executable, "-m", "soc_dashboard.access", "token", "admin", "--for", "tests"]
    made = subprocess.run(
        [*command, "--scope", "read"], env=platform.environment, capture_output=True, text=True, check=True
    )
    return made.stdout.strip()


def run_ja4(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `ja4 COMMAND` with its output as text."""
    return subprocess.run(
        [sys.executable, "-m", "operator_cli.main", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=UP_DEADLINE_S,
        check=False,
    )


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """`ja4 up` on an empty state folder; stopped behind the last test that uses it."""
    home = tmp_path_factory.mktemp("platform") / "var"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JA4_")}
    environment["JA4_HOME"] = str(home)
    with socket.socket() as a, socket.socket() as b, socket.socket() as c, socket.socket() as d:
        for setting, probe in zip(PORT_SETTINGS, (a, b, c, d), strict=True):
            probe.bind(("127.0.0.1", 0))
            environment[setting] = str(probe.getsockname()[1])
    up = run_ja4("up", environment)
    try:
        assert up.returncode == 0, up.stdout[-4000:] + up.stderr[-4000:] + log_end(home)
        yield Platform(home, environment, up.stdout)
    finally:
        run_ja4("down", environment)


def log_end(home: Path) -> str:
    """The last lines of what the services printed."""
    log = home / "log" / "platform.log"
    return log.read_text(errors="replace")[-4000:] if log.exists() else ""

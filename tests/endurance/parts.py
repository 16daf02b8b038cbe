"""The processes of a soak: database, agent and senders, each as its own user would run it.

They are started by a thread that has entered the servers' namespace, where database and agent stay; the
senders go to the clients' side.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import clickhouse_connect
import msgspec
from clickhouse_connect.driver.client import Client
from endurance.cable import INTERFACE, inside
from endurance.traffic import Sent

ROOT = Path(__file__).resolve().parent.parent.parent
USER, PASSWORD, DATABASE = "ja4", "for-tests-only", "ja4_processing"
DEADLINE_S = 60.0
SENSOR = "soak"


class Database:
    """The embedded database; can be killed and started again on the same files."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://{USER}:{PASSWORD}@127.0.0.1:{self._port}/{DATABASE}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        where = ("--path", str(self._folder), "--port", str(self._port))
        environment = {**os.environ, "JA4_CLICKHOUSE_USER": USER, "JA4_CLICKHOUSE_PASSWORD": PASSWORD}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "embedded_clickhouse", *where], env=environment, stderr=subprocess.DEVNULL
        )
        give_up_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < give_up_s:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self._port}/ping", timeout=2).close()
                return
            time.sleep(0.1)
        raise RuntimeError("the database did not start")

    def migrate(self) -> None:
        """Make the tables."""
        command = [sys.executable, "-m", "ja4_assets.storage", "upgrade"]
        environment = {**os.environ, "JA4_CLICKHOUSE_URL": self.url}
        subprocess.run(command, check=True, env=environment, capture_output=True, cwd=ROOT)

    def kill(self) -> None:
        """As a loss of power would, but for the kernel's cache."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def number(self, statement: str) -> int:
        """The one number that a query gives."""
        client: Client = clickhouse_connect.get_client(dsn=self.url)
        with contextlib.closing(client):
            return int(client.query(statement).result_rows[0][0] or 0)


def _unit_environment() -> dict[str, str]:
    """What the packaged service sets: the agent is measured as it is installed."""
    lines = (ROOT / "packaging" / "agent" / "ja4-agent.service").read_text().splitlines()
    found = [line.removeprefix("Environment=") for line in lines if line.startswith("Environment=")]
    return dict(one.split("=", 1) for one in found)


class Agent:
    """`ja4-agent run`; can be killed and started again on the same state."""

    def __init__(
        self, folder: Path, url: str, prefix: Sequence[str] = (), tables: str = "", **settings: str
    ) -> None:
        """`prefix`: what stands before its command; `tables` go into its file, `settings` into variables."""
        self._prefix = prefix
        self.events = folder / "events.sock"
        self.log_file = folder / "agent.log"
        self._config = folder / "agent.toml"
        self._config.write_text(f'[[http]]\nsocket = "{self.events}"\nmode = 0o660\n{tables}')
        self._environment = {
            **os.environ,
            **_unit_environment(),
            "JA4_AGENT_SENSOR": SENSOR,
            "JA4_AGENT_STATE_DIR": str(folder),
            "JA4_CLICKHOUSE_URL": url,
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it captures."""
        run = [sys.executable, "-m", "capture_agent.cli", "run", "--config", str(self._config)]
        where = ["--interface", INTERFACE, "--metrics-port", "0"]
        before = self._started()
        with self.log_file.open("ab") as log:
            command = [*self._prefix, *run, *where]
            self.process = subprocess.Popen(command, stderr=log, env=self._environment)
        give_up_s = time.monotonic() + DEADLINE_S
        while self._started() == before:
            if self.process.poll() is not None or time.monotonic() > give_up_s:
                raise RuntimeError(f"the agent did not start: {self.log_file.read_text()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def log(self, event: str) -> list[dict[str, Any]]:
        """Log lines of one event."""
        if not self.log_file.exists():
            return []
        whole = self.log_file.read_text().rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    @property
    def number(self) -> int:
        """Its process, which is also its main thread."""
        assert self.process is not None
        return self.process.pid

    def cpu_s(self) -> dict[int, float]:
        """Seconds of CPU of each thread; the main thread, which is the pipeline, has the process's number."""
        assert self.process is not None
        found = {}
        for thread in Path(f"/proc/{self.number}/task").iterdir():
            with contextlib.suppress(OSError):
                # Exact, where the times of `stat` are counted in ticks of the clock.
                found[int(thread.name)] = int((thread / "schedstat").read_text().split()[0]) / 1e9
        return found

    def resident_bytes(self) -> int:
        """Memory that it holds now."""
        assert self.process is not None
        status = Path(f"/proc/{self.number}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1_024

    def _started(self) -> int:
        return len(self.log("started"))


class Sender:
    """A process that sends traffic."""

    def __init__(
        self, namespace: str, module: str, order: msgspec.Struct, prefix: Sequence[str] = ()
    ) -> None:
        command = [*prefix, sys.executable, "-m", module, msgspec.json.encode(order).decode()]
        # Beside the folder tests/capture_agent the package of this name must be found.
        path = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
        self._process = subprocess.Popen(
            inside(namespace, *command), stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
        )

    def is_running(self) -> bool:
        """It still sends."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Let it end in good order, if it has begun."""
        self._process.terminate()

    def result(self) -> dict[str, Any]:
        """What it sent, once it has ended."""
        told, _ = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError(f"a sender ended with {self._process.returncode}")
        found: dict[str, Any] = json.loads(told)
        return found

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def sent_by(sender: Sender) -> Sent:
    """What the clients sent."""
    return msgspec.convert(sender.result(), Sent)

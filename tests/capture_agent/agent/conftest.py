"""A TLS web server that reports its requests, and the agent as a process, both in the test's own network."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

DEADLINE_S = 20.0
FAST = {"JA4_DELIVERY_BATCH_AGE_S": "0.1", "JA4_AGENT_SENSOR": "live"}
Row = dict[str, Any]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll; fail with `what` if it does not come true."""
    give_up_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up_s, f"{what}: not within {DEADLINE_S:g} s"
        time.sleep(0.02)


class ReportingServer:
    """Answers HTTP/1.1 over TLS, keeps connections alive, and reports each request as mod_reqin_log does."""

    def __init__(self, folder: Path, events: Path | None, address: str = "127.0.0.1") -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        self._listener = socket.create_server((address, 0))
        self.port: int = self._listener.getsockname()[1]
        self.answered = 0
        self._reports: socket.socket | None = None
        if events is not None:
            self.report_to(events)
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def report_to(self, events: Path) -> None:
        """Send what follows to the agent that listens there now."""
        self._reports = socket.socket(socket.AF_UNIX)
        self._reports.connect(str(events))

    def close(self) -> None:
        self._listener.close()
        if self._reports is not None:
            self._reports.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, peer = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection, peer), daemon=True).start()

    def _serve(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        began_us = time.time_ns() // 1_000
        with contextlib.suppress(OSError), self.context.wrap_socket(connection, server_side=True) as stream:
            received, number = b"", 0
            while True:
                while b"\r\n\r\n" not in received:
                    more = stream.recv(65_536)
                    if not more:
                        return
                    received += more
                head, _, received = received.partition(b"\r\n\r\n")
                number += 1
                self._report(stream, peer, head.decode("latin-1"), began_us, number)
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                self.answered += 1

    def _report(
        self, stream: ssl.SSLSocket, peer: tuple[str, int], head: str, began_us: int, number: int
    ) -> None:
        if self._reports is None:
            return
        request_line, *lines = head.split("\r\n")
        method, target, protocol = request_line.split(" ")
        local_ip, local_port = stream.getsockname()[:2]
        event = {
            "ev": "end",
            "t_us": time.time_ns() // 1_000,
            "src_ip": peer[0],
            "src_port": peer[1],
            "dst_ip": local_ip,
            "dst_port": local_port,
            "method": method,
            "unparsed_uri": target,
            "proto": protocol,
            "status": 200,
            "scheme": "https",
            "conn_start_us": began_us,
            "conn_req": number,
            "headers": [line.split(": ", 1) for line in lines],
        }
        with self._lock:
            self._reports.sendall(json.dumps(event).encode() + b"\n")


class AgentProcess:
    """`ja4-agent run` with rows into a file."""

    def __init__(self, folder: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.rows_file = folder / "rows.jsonl"
        self._log_file = folder / "agent.log"
        command = [sys.executable, "-m", "capture_agent.cli", "run", "--sink", f"jsonl:{self.rows_file}"]
        with self._log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--metrics-port", "0", *arguments],
                stderr=log,
                env={
                    **os.environ,
                    "JA4_DELIVERY_BATCH_AGE_S": "0.1",
                    "JA4_AGENT_SENSOR": "live",
                    "JA4_AGENT_STATE_DIR": str(folder),
                    **(env or {}),
                },
            )
        wait_until(self._has_started_or_ended, "the agent's start")
        assert self.process.poll() is None, self._log_file.read_text()

    def log(self, event: str) -> list[Row]:
        """Log lines of one event."""
        lines = self._log_file.read_text().splitlines()
        return [found for found in map(json.loads, lines) if found["event"] == event]

    def rows(self, table: str) -> list[Row]:
        """Rows of one table that have been delivered."""
        if not self.rows_file.exists():
            return []
        complete = self.rows_file.read_text().rpartition("\n")[0]
        return [row for row in map(json.loads, complete.splitlines()) if row["table"] == table]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def _has_started_or_ended(self) -> bool:
        return self.process.poll() is not None or bool(self.log("started"))


@pytest.fixture(scope="session")
def certificate_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=shop.test"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(["openssl", *command.split(), *files], check=True, capture_output=True)
    return folder


@pytest.fixture
def start_agent(tmp_path: Path) -> Iterator[Callable[..., AgentProcess]]:
    """Starts agents, and stops those that the test left running."""
    started: list[AgentProcess] = []

    def start(*arguments: str, **options: Any) -> AgentProcess:
        started.append(AgentProcess(tmp_path, *arguments, **options))
        return started[-1]

    yield start
    for agent in started:
        if agent.process.poll() is None:
            agent.process.kill()
            agent.process.wait(DEADLINE_S)


@pytest.fixture
def start_server(certificate_folder: Path) -> Iterator[Callable[..., ReportingServer]]:
    """Starts servers, and closes them."""
    started: list[ReportingServer] = []

    def start(events: Path | None = None, address: str = "127.0.0.1") -> ReportingServer:
        started.append(ReportingServer(certificate_folder, events, address))
        return started[-1]

    yield start
    for server in started:
        server.close()

"""Starts gateways of their own for the tests that stop, kill or starve them."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

USER, PASSWORD = "ja4", "for-tests-only"
START_DEADLINE_S = 30


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class HttpGateway:
    """A running gateway, spoken to with nothing but http.client."""

    host: str
    port: int
    login: dict[str, str] = field(
        default_factory=lambda: {"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD}
    )

    @property
    def dsn(self) -> str:
        return f"http://{USER}:{PASSWORD}@{self.host}:{self.port}"

    def as_user(self, user: str, password: str) -> HttpGateway:
        return HttpGateway(self.host, self.port, {"X-ClickHouse-User": user, "X-ClickHouse-Key": password})

    def client(self, **options: Any) -> Client:
        return clickhouse_connect.get_client(dsn=self.dsn, **options)

    def ask(
        self,
        statement: str | None = None,
        body: Any = None,
        *,
        method: str = "POST",
        path: str = "/",
        headers: dict[str, str] | None = None,
        **fields: str,
    ) -> Answer:
        """Send `statement` in the URL and `body` as the body, or `statement` as the body if there is none."""
        if body is None and method == "POST" and statement is not None:
            body, statement = statement.encode(), None
        if statement is not None:
            fields["query"] = statement
        target = f"{path}?{urlencode(fields)}" if fields else path
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, target, body=body, headers=self.login if headers is None else headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers.items()), response.read())
        finally:
            connection.close()


@dataclass
class OwnGateway(HttpGateway):
    """A gateway that a test started and may kill."""

    process: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)


def environment() -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "JA4_CLICKHOUSE_USER": USER,
        "JA4_CLICKHOUSE_PASSWORD": PASSWORD,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(path: Path, *options: str, zone: str = "UTC") -> Iterator[OwnGateway]:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "embedded_clickhouse",
        "--path",
        str(path),
        "--port",
        str(port),
        *options,
    ]
    process = subprocess.Popen(
        command, env={**environment(), "TZ": zone}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    gateway = OwnGateway("127.0.0.1", port, process=process)
    try:
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            with contextlib.suppress(OSError):
                if gateway.ask(method="GET", path="/ping").status == 200:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the gateway did not start: exit code {process.poll()}")
            time.sleep(0.05)
        yield gateway
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)


@pytest.fixture(scope="session")
def run_gateway() -> Callable[..., contextlib.AbstractContextManager[OwnGateway]]:
    """Context manager that runs a gateway on a data directory: run_gateway(path, *options)."""
    return running


@pytest.fixture
def gateway(clickhouse_dsn: str) -> HttpGateway:
    """The gateway that all tests of the session share."""
    parts = urlsplit(clickhouse_dsn)
    assert parts.hostname is not None
    assert parts.port is not None
    assert (parts.username, parts.password) == (USER, PASSWORD)
    return HttpGateway(parts.hostname, parts.port)


@pytest.fixture
def database(gateway: HttpGateway) -> Iterator[str]:
    """A database of the test's own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    gateway.ask(f"create database {name} engine = Atomic")
    yield name
    gateway.ask(f"drop database {name} sync")


@pytest.fixture
def client(gateway: HttpGateway, database: str) -> Iterator[Client]:
    """clickhouse-connect on the test's own database."""
    with gateway.client(database=database) as result:
        yield result

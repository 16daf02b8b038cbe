"""Fixtures shared by all tests: the conformance data beside the project and a database to talk to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

# Time limits would measure the machine. In CI the examples are the same in every run, so that a failure
# belongs to the change; elsewhere each run tries new ones.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "for-tests-only"
START_DEADLINE_S = 180


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Folder of conformance captures that stands beside the checkout; skips where it is absent."""
    path = ROOT.parent / "shared"
    if not (path / "lab" / "clients.tsv").is_file():
        pytest.skip(
            "conformance data absent: no ../shared beside the checkout, so nothing was compared with it"
        )
    return path


@pytest.fixture(scope="session")
def free_port() -> int:
    """A TCP port on loopback that nobody listened on when it was asked for."""
    return find_free_port()


def find_free_port() -> int:
    """Ask the kernel for a port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(
    url: str, process: subprocess.Popen[bytes], deadline_s: float = START_DEADLINE_S
) -> None:
    """Poll `url` until it answers 200; raise if the process ends or the deadline passes."""
    give_up = time.monotonic() + deadline_s
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode} before {url} answered")
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer within {deadline_s} s")


@contextmanager
def embedded_database(home: Path) -> Iterator[str]:
    """DSN of an embedded database in the data directory `home`; no database name in it."""
    port = find_free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "embedded_clickhouse", "--path", str(home), "--port", str(port)],
        env={"PATH": "/usr/bin:/bin", "JA4_CLICKHOUSE_USER": "ja4", "JA4_CLICKHOUSE_PASSWORD": PASSWORD},
    )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/ping", process)
        yield f"http://ja4:{PASSWORD}@127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def start_database() -> Callable[[Path], AbstractContextManager[str]]:
    """Starts a further embedded database in a folder; a context, whose value is its DSN."""
    return embedded_database


@pytest.fixture(scope="session")
def clickhouse_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """DSN of an embedded database that lives as long as the test session; no database name in it."""
    with embedded_database(tmp_path_factory.mktemp("clickhouse")) as dsn:
        yield dsn

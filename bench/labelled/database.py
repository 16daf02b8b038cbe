"""An embedded database that lives as long as a benchmark needs it."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DATABASE = "ja4_processing"
START_DEADLINE_S = 60


@contextmanager
def embedded(folder: Path) -> Iterator[str]:
    """URL of a database whose files are in `folder`; it is stopped at the end."""
    port, password = _free_port(), secrets.token_hex(16)
    process = subprocess.Popen(
        [sys.executable, "-m", "embedded_clickhouse", "--path", str(folder), "--port", str(port)],
        env={**os.environ, "JA4_CLICKHOUSE_USER": "ja4", "JA4_CLICKHOUSE_PASSWORD": password},
    )
    try:
        _wait(port, process)
        yield f"http://ja4:{password}@127.0.0.1:{port}/{DATABASE}"
    finally:
        process.terminate()
        process.wait(timeout=START_DEADLINE_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"the database ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError("the database did not start")

"""Starts `quic_server` as a program of its own and waits until it listens."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.network import inside

DEADLINE_S = 20
TESTS = Path(__file__).resolve().parents[1]


class QuicProcess:
    """The server; a context manager. Its folder has `certificate.pem` and `key.pem`, `log` gets requests."""

    def __init__(self, namespace: str, folder: Path, address: str, log: Path, *options: str) -> None:
        self._folder = folder
        certificate = (str(folder / "certificate.pem"), str(folder / "key.pem"))
        command = (sys.executable, "-m", "lab.quic_server", address, str(log), *certificate, *options)
        self._command = inside(namespace, *command)
        self._process: subprocess.Popen[bytes] | None = None
        log.touch()

    def __enter__(self) -> Self:
        environment = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"}
        said = self._folder / "quic.out"
        with said.open("wb") as out:
            self._process = subprocess.Popen(self._command, stdout=out, stderr=out, env=environment)
        give_up_s = time.monotonic() + DEADLINE_S
        while "listening" not in said.read_text():
            if self._process.poll() is not None or time.monotonic() > give_up_s:
                self.__exit__(None, None, None)
                raise RuntimeError(f"the HTTP/3 server did not start: {said.read_text()}")
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=20)

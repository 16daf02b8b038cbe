"""Waits until a server that was just started takes connections."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from lab.network import in_namespace

DEADLINE_S = 20


def until_it_listens(
    namespace: str, address: str, process: subprocess.Popen[bytes], log: Path, port: int = 443
) -> None:
    """Raises RuntimeError with what the server said if it does not."""

    def wait() -> None:
        give_up_s = time.monotonic() + DEADLINE_S
        while True:
            try:
                socket.create_connection((address, port), 1).close()
            except OSError:
                if time.monotonic() > give_up_s or process.poll() is not None:
                    said = log.read_text(errors="replace")
                    raise RuntimeError(f"{process.args} does not listen: {said}") from None
                time.sleep(0.05)
            else:
                return

    in_namespace(namespace, wait)

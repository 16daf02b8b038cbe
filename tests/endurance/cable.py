"""Two network namespaces and a cable between them, without addresses: packets come from a packet socket."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from contextlib import ExitStack
from types import TracebackType
from typing import Self

INTERFACE = "wire"
SERVER_MAC = "02:00:00:00:00:02"


def maybe_obstacle() -> str | None:
    """Why there can be no cable here; None if there can."""
    if shutil.which("ip") is None:
        return "no program ip on this machine"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"ja4soak-{secrets.token_hex(4)}"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"no network namespace can be made: {tried.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None


class Cable:
    """The namespaces; a context manager that leaves nothing behind."""

    def __init__(self) -> None:
        unique = secrets.token_hex(4)
        self.client_side = f"ja4soak-{unique}-clients"
        self.server_side = f"ja4soak-{unique}-server"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for name in (self.client_side, self.server_side):
                _ip("netns", "add", name)
                stack.callback(_ip, "netns", "del", name)
            peer = ("peer", "name", INTERFACE, "address", SERVER_MAC, "netns", self.server_side)
            _ip("-n", self.client_side, "link", "add", INTERFACE, "type", "veth", *peer)
            for name in (self.client_side, self.server_side):
                _ip("-n", name, "link", "set", INTERFACE, "up")
                _ip("-n", name, "link", "set", "lo", "up")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def inside(name: str, *command: str) -> list[str]:
    """The command line that runs a program in a namespace; its process id is that of the program."""
    return ["ip", "netns", "exec", name, *command]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=10)

"""Tells systemd how the agent is doing: the datagrams of sd_notify(3), for `Type=notify` with a watchdog."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

MICROSECONDS = 1_000


class ServiceManager:
    """What started the agent; silent where nothing listens."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]
        is_watched = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.expects_pings = is_watched and "WATCHDOG_USEC" in environment
        """The manager ends the agent if `ping` is not called often enough."""

    def ready(self, status: str) -> None:
        """The agent captures, or has finished to reload."""
        self._send("READY=1", f"STATUS={status}")

    def ping(self) -> None:
        """The agent makes progress."""
        if self.expects_pings:
            self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """Settings are being read again; `ready` follows."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // MICROSECONDS
        self._send("RELOADING=1", f"MONOTONIC_USEC={now_us}")

    def stopping(self, within_s: float) -> None:
        """The agent delivers what it holds; it may take `within_s`, whatever the unit's own limit is."""
        self._send("STOPPING=1", f"EXTEND_TIMEOUT_USEC={int(within_s * 1e6)}")

    def _send(self, *assignments: str) -> None:
        if not self._address:
            return
        message = "\n".join(assignments).encode()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(message, self._address)
        except OSError:
            # A manager that does not listen, or is busy, is no reason to stop capturing.
            return

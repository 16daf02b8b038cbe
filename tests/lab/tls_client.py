"""An HTTP/1.1 client over TLS that chooses its port, resumes sessions and ends connections in every way.

Made for threads that have entered the clients' namespace.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from lab.nonces import host_of, path_of

TIMEOUT_S = 20
PORT_FREE_DEADLINE_S = 10
TCP_REPAIR = 19


class Ending(Enum):
    """How a connection ends."""

    CLIENT_FIN = "client_fin"
    CLIENT_RST = "client_rst"
    SERVER_FIN = "server_fin"
    SILENT = "silent"
    """Not a packet: what a server sees when a NAT gateway has forgotten a mapping and gives its port away."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a connection starts and ends; no source or port 0 lets the kernel choose."""

    server: str
    source: str = ""
    source_port: int = 0


def client_context(authority: Path) -> ssl.SSLContext:
    """Trusts the lab's authority and offers HTTP/1.1."""
    context = ssl.create_default_context(cafile=str(authority))
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsClient:
    """One connection; `get` sends requests one after another and reads the answers."""

    def __init__(
        self, context: ssl.SSLContext, route: Route, nonce: str, session: ssl.SSLSession | None = None
    ) -> None:
        self.nonce = nonce
        plain = _connect(route)
        try:
            self._stream = context.wrap_socket(plain, server_hostname=host_of(nonce), session=session)
        except BaseException:
            plain.close()
            raise
        self._answers = self._stream.makefile("rb")

    @property
    def is_resumed(self) -> bool:
        """The server accepted the session."""
        return bool(self._stream.session_reused)

    @property
    def session(self) -> ssl.SSLSession | None:
        """For the next connection; in TLS 1.3 there is one once an answer was read."""
        return self._stream.session

    def get(self, requests: int, stage: str = "open", *, is_last: bool = False) -> int:
        """Send so many requests and read their answers; how many were answered with 200."""
        answered = 0
        for number in range(requests):
            ends = is_last and number == requests - 1
            self._stream.sendall(
                f"GET {path_of(self.nonce, stage)} HTTP/1.1\r\nHost: {host_of(self.nonce)}\r\n"
                f"Connection: {'close' if ends else 'keep-alive'}\r\n\r\n".encode()
            )
            answered += self._read_answer()
        return answered

    def _read_answer(self) -> bool:
        status = self._answers.readline()
        length = 0
        while (line := self._answers.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        self._answers.read(length)
        return status.startswith(b"HTTP/1.1 200 ")

    def end(self, how: Ending) -> None:
        """End the connection, so that its port is free once this returns."""
        if how is Ending.SERVER_FIN:
            self._answers.read()
        elif how is Ending.CLIENT_RST:
            self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how is Ending.SILENT:
            self._stream.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        self._answers.close()
        self._stream.close()


def _connect(route: Route) -> socket.socket:
    """Retries while the chosen port is still taken: TIME_WAIT on our side ends it only after a while."""
    family = socket.AF_INET6 if ":" in route.server else socket.AF_INET
    give_up_s = time.monotonic() + PORT_FREE_DEADLINE_S
    while True:
        plain = socket.socket(family)
        plain.settimeout(TIMEOUT_S)
        # A request is two small writes at most; without this the second waits for an acknowledgement.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if route.source_port:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if route.source:
                plain.bind((route.source, route.source_port))
            plain.connect((route.server, 443))
        except OSError:
            plain.close()
            if not route.source_port or time.monotonic() > give_up_s:
                raise
            time.sleep(0.005)
        else:
            return plain

"""Listens, gives each connection a thread, and stops only when the requests under way are answered."""

from __future__ import annotations

import logging
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded_clickhouse.accounts import Accounts
from embedded_clickhouse.client_watch import ClientWatch

if TYPE_CHECKING:
    from embedded_clickhouse.engine import Engine

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 512
PLACE_DEADLINE_S = 1.0


@dataclass(frozen=True, slots=True)
class Gateway:
    """What every request needs: the database, who may ask, how much may be sent."""

    engine: Engine
    accounts: Accounts
    watch: ClientWatch
    spool_directory: Path
    max_body_bytes: int


class GatewayServer(ThreadingHTTPServer):
    """One thread per connection, at most 512; knows how many requests are under way."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], gateway: Gateway, handler: type[BaseHTTPRequestHandler]
    ) -> None:
        self.gateway = gateway
        self._under_way = 0
        self._is_closed = False
        self._changed = threading.Condition()
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without looking up the machine's name, which can hang on a broken resolver."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the connection's thread; without a place for it within a second the client is turned away.

        Waiting longer would keep the server from noticing that it is to stop.
        """
        if not self._places.acquire(timeout=PLACE_DEADLINE_S):
            logger.warning("more than %d connections: one was turned away", MAX_CONNECTIONS)
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def begin(self) -> None:
        """Count a request in. Raises ConnectionAbortedError once the server has drained."""
        with self._changed:
            if self._is_closed:
                raise ConnectionAbortedError("the database is shutting down")
            self._under_way += 1

    def end(self) -> None:
        """Count a request out."""
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def drain(self, deadline_s: float) -> int:
        """Wait until no request is under way, then let none begin; tell how many are left."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, timeout=deadline_s)
            self._is_closed = True
            return self._under_way

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Log what broke a connection; the server goes on."""
        logger.exception("connection from %s broke", client_address)


def port_is_taken(address: tuple[str, int]) -> bool:
    """Whether somebody listens on `address` already."""
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0

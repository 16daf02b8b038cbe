"""Serves `/metrics` for Prometheus, `/healthz` and `/readyz` for supervisors."""

from __future__ import annotations

import json
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from capture_agent.health import Expected, reasons_not_alive, reasons_not_ready
from capture_agent.metrics import AgentCollector, AgentState

REQUEST_TIMEOUT_S = 5.0
MAX_ANSWERING = 16
"""Requests answered at once; further ones are turned away, so that nobody can make threads without end."""


class MetricsServer:
    """Serves the pages in threads of its own."""

    def __init__(
        self,
        address: str,
        port: int,
        state: Callable[[], AgentState | None],
        monotonic: Callable[[], float],
        expected: Expected,
    ) -> None:
        """Listen; port 0 takes a free one. Raises OSError."""
        registry = CollectorRegistry()
        registry.register(AgentCollector(state))
        ProcessCollector(registry=registry)

        class Handler(_Handler):
            def page(self) -> tuple[HTTPStatus, str, bytes]:
                if self.path == "/metrics":
                    return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry)
                if self.path == "/healthz":
                    return _answer(reasons_not_alive(state(), monotonic()))
                if self.path == "/readyz":
                    return _answer(reasons_not_ready(state(), monotonic(), expected))
                return HTTPStatus.NOT_FOUND, "text/plain", b"see /metrics, /healthz and /readyz\n"

        self._server = _Server((address, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _answer(reasons: list[str]) -> tuple[HTTPStatus, str, bytes]:
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    body = {"status": "failing" if reasons else "ok", "reasons": reasons}
    return status, "application/json", json.dumps(body).encode() + b"\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self._room = threading.BoundedSemaphore(MAX_ANSWERING)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()


class _Handler(BaseHTTPRequestHandler, ABC):
    timeout = REQUEST_TIMEOUT_S
    server_version = "ja4-agent"
    sys_version = ""

    @abstractmethod
    def page(self) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body of the answer to `self.path`."""

    def do_GET(self) -> None:
        status, content_type, body = self.page()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Scrapes are not worth a log line."""

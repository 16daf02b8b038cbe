"""What the agent tells about itself over HTTP: `/metrics` for Prometheus and `/healthz` for a supervisor.

Every counter of the ledger is a metric, `ja4_agent_<column>_total`. docs/how-to/capture-live.md lists the
others.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from capture_agent.sink_metrics import PREFIX, SinkState, sink_metrics

STALE_S = 10.0
"""The state is renewed every second; when it is this old, the agent hangs."""
REQUEST_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class CaptureState:
    """One interface."""

    is_up: bool
    fill_ratio: float
    drops: int


@dataclass(frozen=True, slots=True)
class AgentState:
    """The agent at one moment."""

    at_s: float
    """Monotonic time of the moment."""
    totals: Mapping[str, int]
    """Every counter of the ledger since the start of the run."""
    requests_waiting: int
    lag_s: float
    """Clock minus the time up to which packets were processed."""
    inbox: int
    """Reads and events that wait for the pipeline."""
    clock_skew_us: int | None
    """Clock of the HTTP events minus clock of the packets, less `clock_offset_us`; None while unknown."""
    captures: Mapping[str, CaptureState]
    sinks: Mapping[str, SinkState]


class AgentCollector(Collector):
    """The latest state as metrics."""

    def __init__(self, state: Callable[[], AgentState | None]) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """Metrics of the latest state; none before the first."""
        state = self._state()
        if state is None:
            return
        for name, total in state.totals.items():
            yield CounterMetricFamily(PREFIX + name, f"Ledger counter {name}.", value=total)
        yield GaugeMetricFamily(
            PREFIX + "requests_waiting",
            "Requests that wait for the hello of their connection.",
            value=state.requests_waiting,
        )
        yield GaugeMetricFamily(
            PREFIX + "lag_seconds",
            "Clock minus the time up to which packets were processed.",
            value=state.lag_s,
        )
        yield GaugeMetricFamily(
            PREFIX + "inbox_depth", "Reads and events that wait for the pipeline.", value=state.inbox
        )
        if state.clock_skew_us is not None:
            yield GaugeMetricFamily(
                PREFIX + "clock_skew_seconds",
                "Clock of the HTTP events, clock_offset_us taken off, minus clock of the packets, at most.",
                value=state.clock_skew_us / 1e6,
            )
        yield from sink_metrics(state.sinks)
        yield from _capture_metrics(state.captures)


def _capture_metrics(captures: Mapping[str, CaptureState]) -> Iterator[Metric]:
    up = GaugeMetricFamily(PREFIX + "capture_up", "1 while the interface is captured.", labels=["interface"])
    fill = GaugeMetricFamily(
        PREFIX + "ring_fill_ratio", "Share of the ring that waits to be read.", labels=["interface"]
    )
    drops = CounterMetricFamily(
        PREFIX + "capture_drops", "Frames that found the ring full.", labels=["interface"]
    )
    for interface, capture in captures.items():
        up.add_metric([interface], capture.is_up)
        fill.add_metric([interface], capture.fill_ratio)
        drops.add_metric([interface], capture.drops)
    yield from (up, fill, drops)


def health_problems(state: AgentState | None, now_s: float) -> list[str]:
    """Why the agent does not do its work; empty if it does."""
    if state is None:
        return ["starting"]
    problems = [
        f"interface {name} is not captured" for name, capture in state.captures.items() if not capture.is_up
    ]
    if now_s - state.at_s > STALE_S:
        problems.append(f"no progress for {now_s - state.at_s:.0f} s")
    return problems


class MetricsServer:
    """Serves both pages in threads of its own."""

    def __init__(
        self, address: str, port: int, state: Callable[[], AgentState | None], monotonic: Callable[[], float]
    ) -> None:
        """Listen; port 0 takes a free one. Raises OSError."""
        registry = CollectorRegistry()
        registry.register(AgentCollector(state))
        ProcessCollector(registry=registry)

        class Handler(_Handler):
            def page(self) -> tuple[HTTPStatus, str, bytes]:
                if self.path == "/metrics":
                    return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry)
                if self.path != "/healthz":
                    return HTTPStatus.NOT_FOUND, "text/plain", b"see /metrics and /healthz\n"
                problems = health_problems(state(), monotonic())
                status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
                body = json.dumps({"status": "failing" if problems else "ok", "problems": problems})
                return status, "application/json", body.encode() + b"\n"

        self._server = ThreadingHTTPServer((address, port), Handler)
        self._server.daemon_threads = True
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


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_TIMEOUT_S
    server_version = "ja4-agent"
    sys_version = ""

    def page(self) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body of the answer to `self.path`."""
        raise NotImplementedError

    def do_GET(self) -> None:
        status, content_type, body = self.page()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Scrapes are not worth a log line."""

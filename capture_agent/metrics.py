"""The agent's state as metrics of Prometheus.

Every counter of the ledger is a metric, `ja4_agent_<column>_total`. docs/how-to/capture-live.md lists the
others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from capture_agent.sink_metrics import PREFIX, SinkState, sink_metrics


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
    sources: Mapping[str, bool] = field(default_factory=dict)
    """Sources of HTTP events, and whether they are read."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Names of the sensor and its site."""


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
        yield InfoMetricFamily(PREFIX + "sensor", "Who this is.", value=dict(state.labels))
        sources = GaugeMetricFamily(PREFIX + "source_up", "1 while requests are read.", labels=["source"])
        for name, is_up in state.sources.items():
            sources.add_metric([name], is_up)
        yield sources
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

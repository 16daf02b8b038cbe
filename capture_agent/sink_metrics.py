"""What the agent tells about each of its sinks and their spools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from capture_agent.ports import RowCounts, SpoolDepth

PREFIX = "ja4_agent_"


@dataclass(frozen=True, slots=True)
class SinkState:
    """One sink."""

    is_up: bool = True
    accepted: int = 0
    """Rows it was given since the start."""
    queued: int = 0
    """Rows that wait in memory."""
    counts: RowCounts = field(default_factory=RowCounts)
    spool: SpoolDepth = field(default_factory=SpoolDepth)
    spool_oldest_s: float = 0.0
    """Age of the oldest batch on disk; 0 if there is none."""


def sink_metrics(sinks: Mapping[str, SinkState]) -> Iterator[Metric]:
    """The metrics of all sinks, labelled with their names."""
    up = GaugeMetricFamily(PREFIX + "sink_up", "1 unless the sink cannot be used.", labels=["sink"])
    queue = GaugeMetricFamily(PREFIX + "sink_queue_rows", "Rows that wait in memory.", labels=["sink"])
    rows = CounterMetricFamily(
        PREFIX + "sink_rows", "Rows by what became of them.", labels=["sink", "outcome"]
    )
    discarded = CounterMetricFamily(
        PREFIX + "sink_discarded_rows", "Rows given up.", labels=["sink", "reason"]
    )
    spool = [
        GaugeMetricFamily(PREFIX + name, words, labels=["sink"])
        for name, words in (
            ("spool_bytes", "Disk that the spool uses."),
            ("spool_batches", "Batches in the spool."),
            ("spool_rows", "Rows in the spool."),
            ("spool_oldest_seconds", "Age of the spool's oldest batch; 0 if it is empty."),
        )
    ]
    for sink, state in sinks.items():
        up.add_metric([sink], state.is_up)
        queue.add_metric([sink], state.queued)
        counts, depth = state.counts, state.spool
        for outcome, total in (
            ("accepted", state.accepted),
            ("inserted", counts.inserted),
            ("spooled", counts.spooled),
            ("drained", counts.drained),
            ("rejected", counts.rejected),
        ):
            rows.add_metric([sink, outcome], total)
        for reason, total in counts.discards.items():
            discarded.add_metric([sink, str(reason)], total)
        levels = (depth.file_bytes, depth.batches, depth.rows, state.spool_oldest_s)
        for family, level in zip(spool, levels, strict=True):
            family.add_metric([sink], level)
    yield from (up, queue, rows, discarded, *spool)

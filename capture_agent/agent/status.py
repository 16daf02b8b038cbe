"""`ja4-agent status`: what a running agent tells about itself, as a table for a terminal.

Exit code 0: ready. 1: it runs, and something is wrong; the reasons are printed. 2: no agent answers.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from capture_agent.agent.problems import Problems
from capture_agent.settings.whole import Settings
from capture_agent.sink_metrics import PREFIX

EXIT_READY, EXIT_NOT_READY, EXIT_NO_ANSWER = 0, 1, 2
ANSWER_TIMEOUT_S = 5
MAX_ANSWER_BYTES = 1 << 20
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - asked, not bound
MIB = 1 << 20
JOINED = ("requests_matched", "requests_ambiguous", "requests_midstream", "requests_no_hello")
LOSSES = (
    "frames_dropped_kernel",
    "http_events_lost",
    "http_events_dropped",
    "http_events_rejected",
    "rows_discarded",
)


@dataclass(frozen=True, slots=True)
class Scrape:
    """Samples of one scrape."""

    values: dict[tuple[str, frozenset[tuple[str, str]]], float] = field(default_factory=dict)

    def of(self, name: str, **labels: str) -> float:
        """One value, by its name without the prefix; 0 if it is not there."""
        return self.values.get((PREFIX + name, frozenset(labels.items())), 0.0)

    def labels(self, name: str, label: str) -> list[str]:
        """Every value of a label."""
        found = [dict(labels)[label] for sample, labels in self.values if sample == PREFIX + name]
        return sorted(set(found))

    def sensor(self) -> dict[str, str]:
        """Names of the sensor and its site."""
        return next((dict(labels) for name, labels in self.values if name == PREFIX + "sensor_info"), {})


def print_status(settings: Settings, problems: Problems) -> int:
    """Ask the agent of these settings and print what it tells; returns the exit code."""
    address = ANY_ADDRESS.get(settings.metrics.address, settings.metrics.address)
    host = f"[{address}]" if ":" in address else address
    base = f"http://{host}:{settings.metrics.port}"
    if not settings.metrics.port:
        problems.report("metrics.port is 0: the agent of these settings tells nothing about itself")
        return EXIT_NO_ANSWER
    try:
        ready = json.loads(_fetched(f"{base}/readyz"))
        scrape = _scrape(_fetched(f"{base}/metrics").decode())
        reasons = [str(reason) for reason in ready["reasons"]]
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        reason = getattr(error, "reason", error)
        problems.report(f"no agent answers at {base}: {getattr(reason, 'strerror', None) or reason}")
        return EXIT_NO_ANSWER
    for line in status_lines(scrape, reasons, base, time.time()):
        sys.stdout.write(_printable(line) + "\n")
    return EXIT_NOT_READY if reasons else EXIT_READY


def status_lines(scrape: Scrape, reasons: Sequence[str], base: str, now_s: float) -> Iterator[str]:
    """The lines of the report."""
    sensor = scrape.sensor()
    where = f" at {sensor['site']}" if sensor.get("site") else ""
    yield f"{sensor.get('sensor', 'ja4-agent')}{where} ({base}): {'NOT READY' if reasons else 'ready'}"
    for reason in reasons:
        yield f"  - {reason}"
    yield ""
    yield from _captures(scrape)
    yield from _sinks(scrape)
    hellos = sum(
        scrape.of(f"hellos_{one}_total") for one in ("complete", "reassembled", "truncated", "malformed")
    )
    joined = sum(scrape.of(f"{name}_total") for name in JOINED)
    matched = scrape.of("requests_matched_total")
    share = f", {matched / joined:.1%} of those over TLS matched" if joined else ""
    yield f"seen      {scrape.of('frames_seen_total'):,.0f} frames, {hellos:,.0f} hellos"
    yield f"requests  {scrape.of('http_events_seen_total'):,.0f}{share}"
    losses = [f"{name} {count:,.0f}" for name in LOSSES if (count := scrape.of(f"{name}_total"))]
    yield f"lost      {', '.join(losses) or 'nothing'}"
    if described := sensor.get("client_addresses"):
        yield f"privacy   client addresses are stored {described}"
    began_s = scrape.values.get(("process_start_time_seconds", frozenset()), now_s)
    memory = scrape.values.get(("process_resident_memory_bytes", frozenset()), 0) / MIB
    waiting = f"{scrape.of('requests_waiting'):,.0f} requests wait for their hello"
    lag = f"{scrape.of('lag_seconds'):.2f} s behind the wire"
    yield f"agent     up {_duration(now_s - began_s)}, {memory:,.0f} MiB, {lag}, {waiting}"


def _captures(scrape: Scrape) -> Iterator[str]:
    rows = [("interface", "state", "ring", "lost")]
    for name in scrape.labels("capture_up", "interface"):
        state = "captured" if scrape.of("capture_up", interface=name) else "DOWN"
        fill = f"{scrape.of('ring_fill_ratio', interface=name):.0%}"
        rows.append((name, state, fill, f"{scrape.of('capture_drops_total', interface=name):,.0f}"))
    yield from _table(rows)


def _sinks(scrape: Scrape) -> Iterator[str]:
    rows = [("sink", "state", "delivered", "in memory", "spooled", "spool", "discarded")]
    for name in scrape.labels("sink_up", "sink"):
        reasons = scrape.labels("sink_discarded_rows_total", "reason")
        discarded = sum(scrape.of("sink_discarded_rows_total", sink=name, reason=one) for one in reasons)
        rows.append(
            (
                name,
                "up" if scrape.of("sink_up", sink=name) else "DOWN",
                f"{scrape.of('sink_rows_total', sink=name, outcome='inserted'):,.0f} rows",
                f"{scrape.of('sink_queue_rows', sink=name):,.0f}",
                f"{scrape.of('spool_rows', sink=name):,.0f}",
                f"{scrape.of('spool_bytes', sink=name) / MIB:,.1f} MiB",
                f"{discarded:,.0f}",
            )
        )
    yield from _table(rows)


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""


def _scrape(text: str) -> Scrape:
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return Scrape({(one.name, frozenset(one.labels.items())): one.value for one in samples})


def _fetched(url: str) -> bytes:
    """The answer, whatever its status: a failing agent tells its reasons with 503."""
    try:
        with urlopen(url, timeout=ANSWER_TIMEOUT_S) as answer:  # noqa: S310 - always http
            return bytes(answer.read(MAX_ANSWER_BYTES))
    except HTTPError as error:
        return error.read(MAX_ANSWER_BYTES)


def _duration(seconds: float) -> str:
    minutes, hours = int(seconds // 60), int(seconds // 3_600)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"


def _printable(line: str) -> str:
    """Names come from the network as well: nothing in them may steer the terminal."""
    return "".join(character if character.isprintable() else "?" for character in line)

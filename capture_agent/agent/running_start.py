"""From settings to a running agent: log, interfaces, sources of requests, sinks, metrics, signals."""

from __future__ import annotations

import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from structlog.typing import FilteringBoundLogger

from capture_agent.agent.composition import UnknownSink, pipeline_settings
from capture_agent.agent.open_connections_file import OpenConnectionsFile
from capture_agent.agent.privileges import PrivilegesKept, become, described, make_folders
from capture_agent.agent.pseudonym_key import UnusableKeyFile, maybe_pseudonyms
from capture_agent.agent.running import LiveAgent
from capture_agent.agent.running_captures import open_captures, selection_of
from capture_agent.agent.running_intake import UnusableHttpSource, open_request_sources
from capture_agent.agent.running_pumps import Inbox, RequestPump
from capture_agent.agent.running_reload import Reloader
from capture_agent.agent.running_sinks import open_deliveries
from capture_agent.agent.service_manager import ServiceManager
from capture_agent.capture.af_packet_socket import CaptureRefused
from capture_agent.health import Expected
from capture_agent.intake.event_books import EventBooks
from capture_agent.metrics_server import MetricsServer
from capture_agent.pipeline import Pipeline
from capture_agent.rows.client_names import AS_SEEN
from capture_agent.settings.whole import Settings

if TYPE_CHECKING:
    from capture_agent.agent.state_seal import StateSeal
    from capture_agent.rows.pseudonyms import Pseudonyms

EXIT_OK, EXIT_SINK, EXIT_CANNOT_START = 0, 1, 2
RUN_ID_BITS = 64
SETTLED_S = 2
"""Longest time, beside `join.wait_ms`, until a request that was noted is a row: time moves in steps."""
EVENT_BOOKS = "events.books"


def open_log() -> FilteringBoundLogger:
    """One JSON object a line on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    log: FilteringBoundLogger = structlog.get_logger()
    return log


def run_live(settings: Settings, load: Callable[[], Settings]) -> int:
    """Capture until SIGTERM or SIGINT, load settings anew at SIGHUP; returns the exit code."""
    log = open_log()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # Until the agent can reload, a SIGHUP must not end it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    manager = ServiceManager()
    inbox = Inbox()
    with ExitStack() as stack:
        try:
            captures = open_captures(settings, inbox, log)
            if settings.agent.user is not None:
                make_folders(settings.agent.user, _folders(settings))
            sources = open_request_sources(settings, partial(log.warning, part="intake"))
            if settings.agent.user is not None:
                # No thread runs yet, and what only root could open is open; the spool is to be the user's.
                become(settings.agent.user)
            events = _maybe_event_books(settings, log)
            if events is not None:
                stack.callback(events.close)
                sources.book(events)
            pseudonyms = maybe_pseudonyms(settings)
            deliveries = open_deliveries(settings, log, events)
            requests = [RequestPump(number, source, inbox) for number, source in enumerate(sources.sources)]
            pipeline = Pipeline(
                pipeline_settings(
                    settings,
                    secrets.randbits(RUN_ID_BITS),
                    pseudonyms or AS_SEEN,
                    has_requests=bool(settings.http),
                )
            )
            agent = LiveAgent(
                pipeline,
                inbox,
                captures,
                requests,
                deliveries,
                log,
                stop_s=settings.agent.stop_s,
                settled_after_us=SETTLED_S * 1_000_000 + settings.join.wait_ms * 1_000,
                selection=selection_of(settings),
                open_connections=OpenConnectionsFile(
                    settings.agent.state_dir, settings.agent.sensor, log, _maybe_seal(pseudonyms)
                ),
                events=events,
                manager=manager,
            )
            reloader = Reloader(settings, load, agent, sources, deliveries, manager, log, events)
            agent.on_beat = reloader.beat
            signal.signal(signal.SIGHUP, lambda *_: reloader.ask())
            if settings.metrics.port:
                server = _metrics_server(settings, agent)
                stack.callback(server.close)
        except (
            CannotStart,
            CaptureRefused,
            PrivilegesKept,
            UnknownSink,
            UnusableHttpSource,
            UnusableKeyFile,
        ) as error:
            log.error("cannot start", reason=str(error))
            return EXIT_CANNOT_START
        log.info(
            "started",
            sensor=settings.agent.sensor,
            site=settings.agent.site,
            user=described(),
            client_addresses=pipeline.clients.described(),
            http=[str(source.path) for source in settings.http],
            sinks=[sink.name for sink in settings.sinks],
            metrics_port=settings.metrics.port,
        )
        manager.ready("capturing")
        failure = agent.run(stop)
    if failure is not None:
        log.error("cannot deliver", reason=failure)
        return EXIT_SINK
    return EXIT_OK


class CannotStart(Exception):  # noqa: N818 - named for the outcome
    """A setting does not fit this machine; the text says which."""


def _maybe_seal(pseudonyms: Pseudonyms | None) -> StateSeal | None:
    if pseudonyms is None:
        return None
    # Not imported at the top: without pseudonyms nothing needs it.
    from capture_agent.agent.state_seal import StateSeal

    return StateSeal(pseudonyms.state_key)


def _maybe_event_books(settings: Settings, log: FilteringBoundLogger) -> EventBooks | None:
    """None without events, or where nothing can be kept: then nobody counts what a kill costs."""
    if not settings.http:
        return None
    folder = settings.agent.state_dir
    try:
        books = EventBooks(folder / EVENT_BOOKS)
    except OSError as error:
        log.warning("events in a killed agent are not counted", folder=str(folder), reason=error.strerror)
        return None
    if books.lost_before:
        log.warning("events lost when the agent was killed", events=books.lost_before)
    return books


def _folders(settings: Settings) -> list[Path]:
    """Where the agent writes, apart from sinks."""
    sockets = [source.path.parent for source in settings.http if source.file is None]
    return [settings.agent.state_dir, *sockets]


def _metrics_server(settings: Settings, agent: LiveAgent) -> MetricsServer:
    spool_bytes = settings.spool.max_mib << 20
    sockets = [source.path for source in settings.http if source.file is None]
    expected = Expected(settings.delivery.queue_rows, spool_bytes, sockets)
    metrics = settings.metrics
    try:
        return MetricsServer(metrics.address, metrics.port, agent.state, time.monotonic, expected)
    except OSError as error:
        raise CannotStart(
            f"metrics cannot be served on {settings.metrics.address}:{settings.metrics.port}: "
            f"{error.strerror}; choose another port with JA4_METRICS_PORT, 0 for none"
        ) from error

"""From settings to the deliveries of a live agent: each sink with its queue, ClickHouse with its spool."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

from structlog.typing import FilteringBoundLogger

from capture_agent.agent.composition import UnknownSink, clickhouse_inserter
from capture_agent.agent.running_delivery import Delivery
from capture_agent.agent.running_sender import SenderThread
from capture_agent.events import AgentTick
from capture_agent.intake.event_books import EventBooks
from capture_agent.intake.limited_report import LimitedReport
from capture_agent.ports import DiscardReason, LiveSink, RowCounts
from capture_agent.settings.sinks import SinkKind, SinkSettings
from capture_agent.settings.whole import Settings
from capture_agent.sink.batch import BatchLimits
from capture_agent.sink.batching import BatchingSink
from capture_agent.sink.books import CrashBooks
from capture_agent.sink.encode import TABLES
from capture_agent.sink.json_lines import JsonLinesSink
from capture_agent.sink.outbox import Outbox, OutboxLimits
from capture_agent.sink.rotating_file import RotatingFileSink, RotationLimits
from capture_agent.sink.schema import check_schema
from capture_agent.sink.sender import Sender
from capture_agent.sink.spool_store import BOOKS, SpoolFolder, UnusableSpool

MIB = 1 << 20
US_PER_HOUR = 3_600_000_000
STOP_SENDER_S = 0.5
LEDGER = TABLES[AgentTick]


def open_deliveries(
    settings: Settings, log: FilteringBoundLogger, events: EventBooks | None = None
) -> list[Delivery]:
    """One for each sink; those with a spool tell `events` what of the ledger they have flushed.

    Raises UnknownSink, also for a spool that cannot be used.
    """
    deliveries: list[Delivery] = []
    with ExitStack() as opened:
        for sink in settings.sinks:
            if sink.type is SinkKind.CLICKHOUSE:
                deliveries.append(_clickhouse(sink, settings, log, opened, events))
            else:
                deliveries.append(_file_or_stdout(sink, settings, log))
        opened.pop_all()
    return deliveries


def _file_or_stdout(sink: SinkSettings, settings: Settings, log: FilteringBoundLogger) -> Delivery:
    def open_it() -> LiveSink:
        if sink.path is None:
            return JsonLinesSink(sys.stdout.buffer, closes_file=False)
        limits = RotationLimits(
            sink.rotate_mib * MIB, int(sink.rotate_h * US_PER_HOUR), sink.keep, sink.compress
        )
        return RotatingFileSink(sink.path, limits, _wall_us)

    return _delivery(sink.name, open_it, settings, log)


def _clickhouse(
    sink: SinkSettings,
    settings: Settings,
    log: FilteringBoundLogger,
    opened: ExitStack,
    events: EventBooks | None,
) -> Delivery:
    inserter = clickhouse_inserter(settings)
    report = LimitedReport(lambda text: log.warning("delivery", sink=sink.name, reason=text), time.monotonic)
    counts = RowCounts()
    folder, books = None, None
    if settings.spool.max_mib:
        folder, books = _spool(settings, report)
        opened.callback(folder.close)
        opened.callback(books.close)
        if books.lost_before:
            counts.discards[DiscardReason.KILLED] += books.lost_before
            log.warning("rows lost when the agent was killed", sink=sink.name, rows=books.lost_before)
    limits = OutboxLimits(
        spool_bytes=settings.spool.max_mib * MIB, spool_age_us=int(settings.spool.max_age_h * US_PER_HOUR)
    )

    flushed: Counter[str] = Counter()

    def note_flushed(table: str, rows: int) -> None:
        flushed[table] += rows
        if books is not None:
            books.note_flushed(flushed.total())
            # The first ledger that leaves memory tells what the run before had lost.
            if table == LEDGER:
                books.note_told()
        if events is not None and table == LEDGER:
            events.note_ledger_flushed(flushed[LEDGER])

    outbox = Outbox(folder, limits, counts, _wall_us, report, note_flushed)
    if (left := outbox.depth()).batches:
        log.info("spool holds batches of earlier runs", sink=sink.name, batches=left.batches, rows=left.rows)
    sender = Sender(outbox, inserter, lambda: check_schema(inserter), time.monotonic, random.random, report)
    thread = SenderThread(sink.name, sender.step)

    def open_it() -> LiveSink:
        thread.start()
        return BatchingSink(
            BatchLimits(settings.delivery.batch_rows, settings.delivery.batch_bytes),
            outbox,
            sender,
            thread.wake,
            release,
            refused_for_s=settings.delivery.insert_deadline_s,
        )

    def release() -> None:
        thread.stop(STOP_SENDER_S)
        report.summarise()
        if folder is not None and books is not None:
            books.close()
            folder.close()

    return _delivery(sink.name, open_it, settings, log, books.note_given if books else _ignore)


def _spool(settings: Settings, report: LimitedReport) -> tuple[SpoolFolder, CrashBooks]:
    path = settings.spool.dir or settings.agent.state_dir / "spool"
    try:
        folder = SpoolFolder(path, settings.spool.rejected_mib * MIB, report)
    except UnusableSpool as error:
        raise UnknownSink(str(error)) from error
    try:
        return folder, CrashBooks(path / BOOKS)
    except OSError as error:
        folder.close()
        raise UnknownSink(f"spool {path}: {error.strerror}") from error


def _delivery(
    name: str,
    open_it: Callable[[], LiveSink],
    settings: Settings,
    log: FilteringBoundLogger,
    note_given: Callable[[int], None] = lambda _: None,
) -> Delivery:
    return Delivery(
        name,
        open_it,
        log,
        max_rows=settings.delivery.queue_rows,
        max_age_s=settings.delivery.batch_age_s,
        note_given=note_given,
    )


def _ignore(_: int) -> None:
    """Without a spool there are no books."""


def _wall_us() -> int:
    return time.time_ns() // 1_000

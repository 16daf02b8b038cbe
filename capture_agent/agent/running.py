"""The agent as a service: owns clock and pipeline, and connects them with captures, requests and sinks.

One thread runs the pipeline; others wait for packets, requests and sinks. Packets and requests are processed
in the order in which they arrive, frames of several interfaces in the order of their time.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty

from structlog.typing import FilteringBoundLogger

from capture_agent import compiled
from capture_agent.agent.clock_report import clock_sentence
from capture_agent.agent.open_connections_file import OpenConnectionsFile
from capture_agent.agent.running_delivery import CLOSE_S, COMPLAINT_S, Delivery, StoredMark
from capture_agent.agent.running_order import FrameOrder
from capture_agent.agent.running_pumps import (
    Asked,
    Captured,
    CapturePump,
    Inbox,
    Message,
    Reported,
    RequestPump,
    SeenUntil,
)
from capture_agent.agent.service_manager import ServiceManager
from capture_agent.events import AgentTick, HttpEvent, TlsHello
from capture_agent.intake.event_books import EventBooks
from capture_agent.metrics import AgentState, CaptureState
from capture_agent.pipeline import Pipeline
from capture_agent.ports import RowCounts
from capture_agent.rows import Row
from capture_agent.selection import Selection

EVERYTHING = Selection()
WAKE_S = 0.05
BOOKS_S = 1.0
ROWS_PER_OFFER = 1_000
LOSSES = ("frames_dropped_kernel", "http_events_lost", "http_events_dropped", "rows_discarded")


@dataclass(slots=True)
class _Booked:
    """What of the sources' and sinks' own counts is in the ledger."""

    drops: int = 0
    rejected: int = 0
    lost: int = 0
    inserted: int = 0
    spooled: int = 0
    discarded: int = 0


class LiveAgent:
    """Runs until it is stopped or every sink has failed."""

    def __init__(
        self,
        pipeline: Pipeline,
        inbox: Inbox,
        captures: Sequence[CapturePump],
        requests: Sequence[RequestPump],
        deliveries: Sequence[Delivery],
        log: FilteringBoundLogger,
        *,
        stop_s: float,
        settled_after_us: int,
        selection: Selection = EVERYTHING,
        open_connections: OpenConnectionsFile | None = None,
        events: EventBooks | None = None,
        manager: ServiceManager | None = None,
    ) -> None:
        """`settled_after_us`: how long after it was noted a request can still wait for its hello.

        `open_connections`: where the runs before and after this one leave and find theirs; None: nowhere.
        `events`: the books of HTTP events that outlive a kill.
        """
        self._pipeline = pipeline
        self._inbox = inbox
        self._captures = captures
        self._requests = requests
        self._deliveries = deliveries
        self._log = log
        self._stop_s = stop_s
        self._settled_after_us = settled_after_us
        self._selection = selection
        self._open_connections = open_connections
        self._events = events
        self._noted_events = 0
        self._manager = manager or ServiceManager({})
        self.on_beat: Callable[[], None] = lambda: None
        """Called about every second by the thread that runs the agent."""
        self._leaving: list[Delivery] = []
        self._left = RowCounts()
        self._held: deque[Reported | Asked] = deque()
        self._packets_may_come = True
        self._unsettled: deque[tuple[int, float]] = deque()
        self._order = FrameOrder(len(captures))
        self._rows: list[Row] = []
        self._booked = _Booked()
        self._state: AgentState | None = None
        self._told_clock_skew_s = -COMPLAINT_S
        self._complained: dict[str, tuple[float, int]] = {}
        self._next_books_s = 0.0

    def state(self) -> AgentState | None:
        """The agent a moment ago; any thread may ask."""
        return self._state

    @property
    def stored_clients(self) -> str:
        """How rows name clients, for people."""
        return self._pipeline.clients.described()

    def select(self, selection: Selection) -> None:
        """Replace what is looked at, for packets and requests; any thread may ask. Raises OSError."""
        self._selection = selection
        for capture in self._captures:
            capture.select(selection)

    def keep(self, normal_form: Callable[[HttpEvent], HttpEvent]) -> None:
        """Keep other headers of requests that are read off the wire; for the thread that runs the agent."""
        self._pipeline.use(normal_form)

    def deliver_to(self, deliveries: Sequence[Delivery]) -> None:
        """Replace the sinks, without losing a row; for the thread that runs the agent.

        A sink that is left out gets what was offered to it before. One that takes its place under the same
        name begins when that is done; until then its rows wait.
        """
        gone = {one.name: one for one in self._deliveries if one not in deliveries}
        for one in gone.values():
            one.stop(self._stop_s)
            self._leaving.append(one)
        for new in deliveries:
            if new not in self._deliveries:
                new.start(after=gone.get(new.name))
        self._deliveries = deliveries

    def run(self, stop: threading.Event) -> str | None:
        """Work until `stop` is set, then process and deliver what has arrived.

        Returns why the agent ended by itself: no sink can be used. None after `stop`.
        """
        now_us = time.time_ns() // 1_000
        if self._open_connections is not None:
            self._open_connections.restore(self._pipeline, now_us)
        # The captures are open. A request that comes before the first packet is read waits from now on.
        self._rows += self._pipeline.advance(now_us)
        for delivery in self._deliveries:
            delivery.start()
        for capture in self._captures:
            capture.start()
        for requests in self._requests:
            requests.start()
        failure = None
        while not stop.is_set() and failure is None:
            self._take_next()
            failure = self._maybe_failure()
        self._drain()
        return failure

    def _maybe_failure(self) -> str | None:
        failures = [delivery.failure for delivery in self._deliveries]
        known = [failure for failure in failures if failure is not None]
        return "; ".join(known) if len(known) == len(failures) else None

    def _take_next(self) -> None:
        try:
            message = self._inbox.get(timeout=WAKE_S)
        except Empty:
            self._hand_over()
        else:
            self._take(message)
        if time.monotonic() >= self._next_books_s:
            self._hand_over()
            self._keep_books()
            self._note_stored()

    def _take(self, message: Message) -> None:
        pipeline, rows = self._pipeline, self._rows
        if isinstance(message, Captured):
            for frame in self._order.add(message.capture, message.frames):
                if found := pipeline.feed(frame):
                    rows += found
            self._captures[message.capture].note_taken()
        elif isinstance(message, SeenUntil):
            for frame in self._order.note_seen(message.capture, message.until_us):
                rows += pipeline.feed(frame)
            rows += pipeline.advance(self._order.seen_until_us)
        else:
            self._held.append(message)
        self._release_held()
        if len(rows) >= ROWS_PER_OFFER or isinstance(message, SeenUntil):
            self._hand_over()

    def _release_held(self) -> None:
        """Note the requests that arrived before the time up to which packets were processed.

        Packets take longer to get here: a block of the ring has to fill, or its time to pass. When the agent
        is behind, a request would otherwise wait in vain for a hello that is still in the ring.
        """
        held, pipeline = self._held, self._pipeline
        while held and (held[0].at_us <= pipeline.now_us or not self._packets_may_come):
            message = held.popleft()
            if isinstance(message, Reported):
                self._noted_events += 1
                if not self._selection.has_lists or self._selection.wants_request(message.event):
                    self._rows += pipeline.note(message.event)
                else:
                    pipeline.ledger.counters.http_events_excluded += 1
                self._requests[message.source].note_taken()
            else:
                self._unsettled.append((pipeline.now_us + self._settled_after_us, message.at_s))

    def _hand_over(self) -> None:
        rows, self._rows = self._rows, []
        if self._selection.has_lists:
            rows = self._selected(rows)
        if rows:
            for delivery in self._deliveries:
                delivery.offer(rows)
        if self._events is not None:
            # Last: a kill before this counts twice what the sinks' books have as well, but never nothing.
            self._events.settle(self._noted_events - self._pipeline.requests_waiting)
            if ticks := sum(isinstance(row, AgentTick) for row in rows):
                self._events.note_ticks(ticks, self._booked.lost)

    def _selected(self, rows: list[Row]) -> list[Row]:
        """Without hellos that only got here because the kernel could not judge their packets."""
        kept = [row for row in rows if not isinstance(row, TlsHello) or self._selection.wants_hello(row)]
        self._pipeline.ledger.counters.rows_excluded += len(rows) - len(kept)
        return kept

    def _note_stored(self) -> None:
        """Tell the sources of requests up to where a restart need not read again."""
        if not self._requests:
            return
        while self._unsettled and self._unsettled[0][0] <= self._pipeline.now_us:
            _, asked_s = self._unsettled.popleft()
            for delivery in self._deliveries:
                delivery.mark(StoredMark(asked_s))
        stored_s = min(delivery.stored_before_s for delivery in self._deliveries)
        for pump in self._requests:
            pump.source.note_stored(stored_s)
        self._inbox.put(Asked(time.time_ns() // 1_000, time.monotonic()))

    def _drain(self) -> None:
        """Take in what has arrived, close the books, deliver within the stated time."""
        began_s = time.monotonic()
        self._manager.stopping(self._stop_s + CLOSE_S)
        # Captures first: while they are read to their end, the requests of their last connections come in.
        for pumps in (self._captures, self._requests):
            for pump in pumps:
                pump.stop()
            while time.monotonic() < began_s + self._stop_s / 2:
                if all(pump.has_ended() for pump in pumps) and self._inbox.empty():
                    break
                self._take_next()
            self._packets_may_come = False
            self._release_held()
        self._keep_books()
        rows, handover = self._pipeline.hand_over()
        if self._open_connections is not None:
            self._open_connections.keep(handover)
        self._rows += rows
        self._hand_over()
        for delivery in self._deliveries:
            delivery.stop(max(began_s + self._stop_s - time.monotonic(), 0))
        for delivery in (*self._leaving, *self._deliveries):
            delivery.join()
        if all(delivery.has_kept_all for delivery in self._deliveries):
            for pump in self._requests:
                pump.source.note_stored(math.inf)
        counts = [*(delivery.counts() for delivery in self._deliveries), *self._counts_of_leaving()]
        totals = {
            **self._pipeline.totals(),
            "rows_inserted": sum(one.inserted for one in counts),
            "rows_spooled": sum(one.spooled for one in counts),
            "rows_discarded": sum(one.discarded + one.rejected for one in counts),
        }
        counted = {name: total for name, total in totals.items() if total}
        self._log.info("stopped", clocks=clock_sentence(self._pipeline), **counted)

    def _counts_of_leaving(self) -> list[RowCounts]:
        """Of sinks that were replaced; of those that have ended, as one."""
        for one in [one for one in self._leaving if one.has_ended()]:
            self._leaving.remove(one)
            self._left.add(one.counts())
        return [self._left, *(one.counts() for one in self._leaving)]

    def _keep_books(self) -> None:
        """Bring what sources and sinks counted into the ledger, and publish the state."""
        now_s = time.monotonic()
        self._next_books_s = now_s + BOOKS_S
        self._manager.ping()
        self.on_beat()
        booked, counters = self._booked, self._pipeline.ledger.counters
        sinks = {delivery.name: delivery.state() for delivery in self._deliveries}
        counts = [*(sink.counts for sink in sinks.values()), *self._counts_of_leaving()]
        now = _Booked(
            drops=sum(capture.drops for capture in self._captures),
            rejected=sum(pump.source.rejected for pump in self._requests),
            lost=sum(pump.source.lost for pump in self._requests)
            + (0 if self._events is None else self._events.lost_before),
            inserted=sum(one.inserted for one in counts),
            spooled=sum(one.spooled for one in counts),
            discarded=sum(one.discarded + one.rejected for one in counts),
        )
        counters.frames_dropped_kernel += now.drops - booked.drops
        counters.http_events_seen += now.rejected - booked.rejected
        counters.http_events_rejected += now.rejected - booked.rejected
        self._pipeline.note_lost(now.lost - booked.lost)
        counters.rows_inserted += now.inserted - booked.inserted
        counters.rows_spooled += now.spooled - booked.spooled
        counters.rows_discarded += now.discarded - booked.discarded
        self._booked = now
        self._state = AgentState(
            at_s=now_s,
            totals=self._pipeline.totals(),
            requests_waiting=self._pipeline.requests_waiting,
            lag_s=max(time.time() - self._pipeline.now_us / 1e6, 0) if self._pipeline.now_us >= 0 else 0,
            inbox=self._inbox.qsize() + len(self._held),
            clock_skew_us=self._pipeline.clock_skew_us,
            captures={one.name: CaptureState(one.is_up, one.fill_ratio, one.drops) for one in self._captures},
            sinks=sinks,
            sources={pump.source.name: not pump.has_ended() for pump in self._requests},
            labels={
                "sensor": self._pipeline.ledger.sensor,
                "site": self._pipeline.ledger.site,
                "request_path": compiled.request_path_name(),
                "client_addresses": self.stored_clients,
            },
        )
        for name in LOSSES:
            self._complain(name, self._state.totals[name], now_s)
        self._tell_clock_skew(now_s)

    def _tell_clock_skew(self, now_s: float) -> None:
        """Log once a minute that the clocks of packets and requests differ."""
        better_us = self._pipeline.better_clock_offset_us
        if better_us is not None and now_s - self._told_clock_skew_s >= COMPLAINT_S:
            self._told_clock_skew_s = now_s
            self._log.warning("clocks differ", better_clock_offset_us=better_us)

    def _complain(self, counter: str, total: int, now_s: float) -> None:
        """Log a loss when it begins, and once a minute while it goes on."""
        said_s, said = self._complained.get(counter, (-COMPLAINT_S, 0))
        if total > said and now_s - said_s >= COMPLAINT_S:
            self._complained[counter] = (now_s, total)
            self._log.warning("loss", counter=counter, since_last=total - said, total=total)

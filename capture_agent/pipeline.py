"""The sensor's brain: frames and HTTP events go in, rows come out. It owns no clock and does no I/O.

    pipeline = Pipeline(settings)
    rows = pipeline.feed(frame)        # a frame, in the order of their time
    rows = pipeline.note(event)        # an event in normal form
    rows = pipeline.advance(now_us)    # both sources have delivered everything before now
    rows = pipeline.finish()           # both sources have ended

The same input in the same order gives the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial

from capture_agent.correlate.correlator import Correlator, CorrelatorLimits, JoinedRequest
from capture_agent.correlate.epochs import ConnectionKey
from capture_agent.correlate.open_connections import Handover, UnusableHandover
from capture_agent.events import FINGERPRINT_SPEC, HttpEvent, Transport
from capture_agent.flows.flow_events import (
    CloseReason,
    EpochClosed,
    EpochOpened,
    FlowEvent,
    HelloSeen,
    HttpExchange,
    HttpReadingEnded,
)
from capture_agent.flows.limits import FlowLimits
from capture_agent.flows.skim import SkimmingPacketPath
from capture_agent.rows import Row
from capture_agent.rows.client_names import AS_SEEN, ClientNames
from capture_agent.rows.exchange import exchange_event, syn_facts
from capture_agent.rows.http_request import http_request_row
from capture_agent.rows.ledger import Ledger
from capture_agent.rows.stored import LAST_US
from capture_agent.rows.tls_hello import joinable_hello, tls_hello_row
from capture_agent.wire.address import parse_address
from capture_agent.wire.frame import Frame

FINAL_REASONS = frozenset({CloseReason.FIN, CloseReason.RESET, CloseReason.REOPENED})
"""Endings that the connection itself announced; after any other it may still be alive."""
STEP_US = 10_000
"""How far packet time moves before what waits is looked at: requests are settled late by at most this."""


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """What distinguishes one sensor's pipeline from another's."""

    sensor: str
    run_id: int
    site: str = ""
    """Where the sensor stands, in every row."""
    trusts_proxy_header: bool = False
    """Join under the addresses of PROXY headers too. Only for servers that read them: to any other, a client
    can send a header with another client's address, and so make that client's requests ambiguous."""
    flows: FlowLimits = field(default_factory=FlowLimits)
    correlator: CorrelatorLimits = field(default_factory=CorrelatorLimits)
    clients: ClientNames = AS_SEEN
    """How rows name clients. Everything before the rows, the join too, works on what was seen."""
    request_row: Callable[[JoinedRequest], Row] | None = None
    """Makes the row of a request, with the sensor's and the client's name in it; None: `rows.http_request`
    does."""
    normal_form: Callable[[HttpEvent], HttpEvent] | None = None
    """Brings requests that the sensor reads itself into the form of the intake's, and drops what must not be
    stored; needed where `flows.cleartext_ports` names any."""


class Pipeline:
    """Decodes, reassembles, fingerprints, joins and keeps the books."""

    def __init__(self, settings: PipelineSettings) -> None:
        self.ledger = Ledger(settings.sensor, settings.run_id, site=settings.site)
        """Callers count here what only they know: rejected and lost events, kernel drops, written rows."""
        self._sensor = settings.sensor
        self._site = settings.site
        self._clients = settings.clients
        self._trusts_proxy_header = settings.trusts_proxy_header
        self._packets = SkimmingPacketPath(settings.sensor, settings.flows)
        self._correlator = Correlator(settings.correlator)
        self._request_row = settings.request_row or partial(
            http_request_row, sensor=settings.sensor, site=settings.site, clients=settings.clients
        )
        self._normal_form = settings.normal_form
        self._cleartext_ports = settings.flows.cleartext_ports
        if self._cleartext_ports and self._normal_form is None:
            raise ValueError("cleartext requests that are read need a normal form")
        self._clock_offset_us = settings.correlator.clock_offset_us
        self._booked: dict[str, int] = {}
        """What of the parts' own counts, by column, is in the ledger."""
        self._now_us = -1
        self._next_step_us = -1

    @property
    def clients(self) -> ClientNames:
        """How rows name clients."""
        return self._clients

    @property
    def now_us(self) -> int:
        """Time up to which both sources were taken in; negative before the first input."""
        return self._now_us

    def feed(self, frame: Frame) -> list[Row]:
        """Take one frame. Frames must come in about the order of their time."""
        rows: list[Row] = []
        if frame.ts_us >= self._next_step_us:
            if frame.ts_us >= LAST_US:
                self.ledger.counters.frames_seen += 1
                self.ledger.counters.frames_undecodable += 1
                return []
            rows = self.advance(frame.ts_us)
        flow_events = self._packets.feed(frame)
        return rows + self._apply(flow_events) if flow_events else rows

    def use(self, normal_form: Callable[[HttpEvent], HttpEvent]) -> None:
        """Bring requests that are read off the wire into another normal form from now on."""
        self._normal_form = normal_form

    def note(self, event: HttpEvent) -> list[Row]:
        """Take one HTTP event in the normal form of `capture_agent.intake.normal_form`."""
        self.ledger.counters.http_events_seen += 1
        return self._rows_of(self._correlator.request(event, connection_key(event)))

    def note_rejected(self) -> None:
        """Book an event that could not be read and was skipped."""
        self.ledger.counters.http_events_seen += 1
        self.ledger.counters.http_events_rejected += 1

    def note_lost(self, events: int) -> None:
        """Book events that a gap in their source's numbers shows to be missing."""
        self.ledger.counters.http_events_lost += events

    def advance(self, now_us: int) -> list[Row]:
        """Note that both sources have delivered everything before `now_us`; time never goes back."""
        if now_us <= self._now_us:
            return []
        self._now_us = now_us
        self._next_step_us = now_us + STEP_US
        rows: list[Row] = []
        if self.ledger.is_minute_over(now_us):
            self._book()
            tick = self.ledger.maybe_close_minute(
                now_us, requests_waiting=self._correlator.waiting, clock_skew_us=self.clock_skew_us
            )
            if tick is not None:
                rows.append(tick)
        rows += self._apply(self._packets.advance(now_us))
        rows += self._rows_of(self._correlator.packets_seen_until(now_us))
        rows += self._rows_of(self._correlator.advance(now_us))
        return rows

    def totals(self) -> dict[str, int]:
        """Every counter of the ledger since the start of the run."""
        self._book()
        return self.ledger.totals()

    @property
    def requests_waiting(self) -> int:
        """Requests that wait for the hello of their connection."""
        return self._correlator.waiting

    @property
    def clock_skew_us(self) -> int | None:
        """`LedgerCounters.clock_skew_us` at this moment."""
        return self._correlator.clock_skew_left_us

    @property
    def clock_offset_us(self) -> int:
        """The offset in use; see CorrelatorLimits."""
        return self._clock_offset_us

    @property
    def better_clock_offset_us(self) -> int | None:
        """The clock offset that the traffic suggests, where the one in use does not fit."""
        return self._correlator.better_clock_offset_us

    def finish(self) -> list[Row]:
        """Both sources have ended: settle every request and close the books."""
        rows = self._apply(self._packets.finish(self._now_us))
        rows += self._rows_of(self._correlator.finish())
        return rows + self._close_books()

    def hand_over(self) -> tuple[list[Row], Handover]:
        """As `finish`, for a run that another will follow: what that needs to go on with open connections."""
        rows = self._apply(self._packets.finish(self._now_us))
        joined, connections = self._correlator.hand_over()
        rows += self._rows_of(joined)
        handover = Handover(self._sensor, FINGERPRINT_SPEC, max(self._now_us, 0), connections)
        return rows + self._close_books(), handover

    def restore(self, handover: Handover, now_us: int) -> int:
        """Go on with connections of the run before; returns how many may still be open.

        To be called before the first input. Raises UnusableHandover if the run before is still to come.
        """
        if handover.handed_over_us > now_us:
            raise UnusableHandover("written in the future: the clock was set back")
        restored = self._correlator.restore(handover.connections, handover.handed_over_us, now_us)
        self.ledger.counters.epochs_restored += restored
        return restored

    def _close_books(self) -> list[Row]:
        self._book()
        tick = self.ledger.close(requests_waiting=self._correlator.waiting, clock_skew_us=self.clock_skew_us)
        return [] if tick is None else [tick]

    def _apply(self, flow_events: list[FlowEvent]) -> list[Row]:
        rows: list[Row] = []
        for event in flow_events:
            if isinstance(event, HelloSeen):
                row = tls_hello_row(event, self._sensor, self._site, self._clients)
                self.ledger.count_hello(row.quality)
                rows.append(row)
                key = proxied_key(event) if self._trusts_proxy_header else None
                joinable = joinable_hello(row)
                rows += self._rows_of(self._correlator.hello(event.epoch.conn_id, joinable, key))
            elif isinstance(event, EpochOpened):
                epoch = event.epoch
                src, dst = _shared(epoch.src), _shared(epoch.dst)
                key = ConnectionKey(epoch.transport, src, epoch.src_port, dst, epoch.dst_port)
                self._correlator.open(
                    key,
                    epoch.conn_id,
                    epoch.opened_us,
                    is_midstream=epoch.is_midstream,
                    syn=syn_facts(epoch) if epoch.dst_port in self._cleartext_ports else None,
                    is_read=event.is_read,
                )
            elif isinstance(event, HttpExchange):
                rows += self._read_request(event)
            elif isinstance(event, HttpReadingEnded):
                self._correlator.reading_ended(event.conn_id, event.requests)
            elif isinstance(event, EpochClosed):
                is_final = event.reason in FINAL_REASONS
                self._correlator.close(event.conn_id, event.ts_us, is_final=is_final)
        return rows

    def _read_request(self, exchange: HttpExchange) -> list[Row]:
        event = exchange_event(exchange)
        if self._normal_form is not None:
            event = self._normal_form(event)
        self.ledger.counters.http_events_seen += 1
        return self._rows_of(
            [self._correlator.read_here(event, exchange.epoch.conn_id, connection_key(event))]
        )

    def _rows_of(self, joined: list[JoinedRequest]) -> list[Row]:
        for request in joined:
            self.ledger.count_join(request.state)
        return [self._request_row(request) for request in joined]

    def _book(self) -> None:
        """Bring what flow table and correlator counted since the last minute into the books."""
        packets, correlator, counters = self._packets, self._correlator, self.ledger.counters
        now = {
            **asdict(packets.counters),
            **asdict(packets.table.counters),
            **{
                f"fragments_{reason}": given_up
                for reason, given_up in asdict(packets.decoder.fragments.counters).items()
            },
            "epochs_evicted_full": correlator.epochs_evicted,
            "hellos_unused": correlator.hellos_unused,
            "http_events_dropped": correlator.requests_dropped,
            "http_events_duplicate": correlator.requests_duplicate,
        }
        for name, total in now.items():
            setattr(counters, name, getattr(counters, name) + total - self._booked.get(name, 0))
        self._booked = now


def connection_key(event: HttpEvent) -> ConnectionKey:
    """The 5-tuple of an event; HTTP/3 runs over QUIC, all else over TCP."""
    transport = Transport.QUIC if event.proto.startswith(("HTTP/3", "h3")) else Transport.TCP
    return ConnectionKey(
        transport, _packed(event.src_ip), event.src_port, _packed(event.dst_ip), event.dst_port
    )


def proxied_key(seen: HelloSeen) -> ConnectionKey | None:
    """The 5-tuple as a server that reads the PROXY header reports it: the named client, its own address."""
    proxied, epoch = seen.proxied, seen.epoch
    if proxied is None:
        return None
    return ConnectionKey(epoch.transport, proxied.src, proxied.src_port, epoch.dst, epoch.dst_port)


_packed = lru_cache(maxsize=65_536)(parse_address)
_shared = lru_cache(maxsize=16_384)(bytes)
"""The same address, one in memory: clients open many connections, and all go to few servers."""

"""Runs the pipeline over recorded sources in the order of time and hands the rows to the sinks."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from capture_agent.events import HttpEvent, HttpRequest, JoinState, TlsHello
from capture_agent.pipeline import Pipeline
from capture_agent.ports import EventSink, PacketSource, RequestSource
from capture_agent.rows import EncodedRequest, Row
from capture_agent.wire.frame import Frame

REORDER_EVENTS = 8_192
"""Events held back, about 4 kB each, to bring them into the order in which requests ended. Servers write them
in that order but for threads that race; from a file in another order, requests wait longer for a hello."""
ROWS_PER_WRITE = 1_000


def replay(
    pipeline: Pipeline,
    packet_sources: Sequence[PacketSource],
    requests: RequestSource,
    sinks: Sequence[EventSink],
    shift_us: int = 0,
    clock_offset_us: int = 0,
) -> Summary:
    """Feed all sources in the order of time, each time shifted by `shift_us`, until they end.

    `clock_offset_us` is the clock of the events minus that of the packets: without it, events of a clock that
    is behind would be given up before their packets came.
    Flushes the sinks at the end. Raises SinkError, and what the sources raise.
    """
    outlet = _Outlet(pipeline, sinks)
    sources: list[Iterable[Frame | HttpEvent]] = [*packet_sources, requests]

    def packet_time(item: Frame | HttpEvent) -> int:
        return item.ts_us if isinstance(item, Frame) else ended_us(item) - clock_offset_us

    for item in heapq.merge(*sources, key=packet_time):
        if isinstance(item, Frame):
            outlet.put(pipeline.feed(_shifted_frame(item, shift_us) if shift_us else item))
        else:
            event = _shifted_event(item, shift_us) if shift_us else item
            outlet.put(pipeline.advance(ended_us(event) - clock_offset_us))
            outlet.put(pipeline.note(event))
    outlet.put(pipeline.finish())
    outlet.empty()
    for sink in sinks:
        sink.flush()
    return outlet.summary


@dataclass(slots=True)
class Summary:
    """What a replay produced."""

    hellos: int = 0
    ticks: int = 0
    requests: Counter[JoinState] = field(default_factory=Counter)

    def count(self, row: Row) -> None:
        """Count one row."""
        if isinstance(row, TlsHello):
            self.hellos += 1
        elif isinstance(row, HttpRequest | EncodedRequest):
            self.requests[row.join_state] += 1
        else:
            self.ticks += 1

    def __str__(self) -> str:
        joins = ", ".join(f"{state} {self.requests[state]}" for state in JoinState if self.requests[state])
        return (
            f"{self.hellos} hellos, {self.requests.total()} requests ({joins or 'none'}), {self.ticks} ticks"
        )


class _Outlet:
    """Gives rows to every sink in larger pieces and books what became of them."""

    def __init__(self, pipeline: Pipeline, sinks: Sequence[EventSink]) -> None:
        self._pipeline = pipeline
        self._sinks = sinks
        self._rows: list[Row] = []
        self._booked = 0
        self.summary = Summary()

    def put(self, rows: list[Row]) -> None:
        if not rows:
            return
        self._rows += rows
        if len(self._rows) >= ROWS_PER_WRITE:
            self.empty()

    def empty(self) -> None:
        rows, self._rows = self._rows, []
        for row in rows:
            self.summary.count(row)
        for sink in self._sinks:
            sink.write(rows)
        inserted = sum(sink.counts.inserted for sink in self._sinks)
        self._pipeline.ledger.counters.rows_inserted += inserted - self._booked
        self._booked = inserted


def in_order_of_end(events: Iterable[HttpEvent]) -> Iterator[HttpEvent]:
    """Events by the time their request ended, which is when a live agent would have received them."""
    heap: list[tuple[int, int, HttpEvent]] = []
    for serial, event in enumerate(events):
        entry = (ended_us(event), serial, event)
        if len(heap) < REORDER_EVENTS:
            heapq.heappush(heap, entry)
        else:
            yield heapq.heappushpop(heap, entry)[2]
    while heap:
        yield heapq.heappop(heap)[2]


def ended_us(event: HttpEvent) -> int:
    """When the request was finished."""
    return event.t_us + (event.dur_us or 0)


def _shifted_frame(frame: Frame, shift_us: int) -> Frame:
    return Frame(
        frame.ts_us + shift_us, frame.link_type, frame.buffer, frame.offset, frame.length, frame.wire_length
    )


def _shifted_event(event: HttpEvent, shift_us: int) -> HttpEvent:
    start_us = None if event.conn_start_us is None else event.conn_start_us + shift_us
    return msgspec.structs.replace(event, t_us=event.t_us + shift_us, conn_start_us=start_us)

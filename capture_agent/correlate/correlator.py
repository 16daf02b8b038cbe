"""Joins HTTP requests with the ClientHello of the connection that carried them.

Sans-I/O: epochs and hellos come from the flow table, requests from the intake, time from the caller.
A request is judged at once if its connection's hello is known and the packets have been seen up to the
request's time; otherwise it waits, bounded in time and number, because a 0-RTT request, a reassembled
hello or a slow socket can deliver the two in either order.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count

import msgspec

from capture_agent.correlate.clock_skew import ClockSkew
from capture_agent.correlate.epochs import ConnectionKey, Epoch, EpochLimits, EpochTable, JoinableHello
from capture_agent.correlate.judgement import (
    CERTAIN,
    NEARLY_CERTAIN,
    NO_JOIN,
    Judgement,
    RequestTimes,
    epochs_containing,
    judge_without_hello,
    maybe_match,
)
from capture_agent.correlate.open_connections import OpenConnection, open_connection, restored_epoch
from capture_agent.events import HttpEvent, JoinState

US_PER_MS = 1_000
ALL_REQUESTS = 1 << 62
"""As the number of requests read here: whatever comes on the connection."""
TELLING_SKEW_US = 100 * US_PER_MS
"""A round trip and a handshake take less on all but the slowest ways."""


@dataclass(frozen=True, slots=True)
class CorrelatorLimits:
    """Waiting, clock difference and bounds of the join."""

    wait_us: int = 500 * US_PER_MS
    """How long a request waits for its hello. Prevents requests from being called `no_hello` when the capture
    lags behind the web server; longer delays every row of a connection that truly has none."""
    tolerance_us: int = 100
    """Largest error between the clocks of packets and events, which on one host are the same. Two epochs
    closer than this are told apart only by guessing, so the request is `ambiguous`. With 1 ms, two in five
    requests are where clients use their ports again at once (bench/join_accuracy.py)."""
    clock_offset_us: int = 0
    """Events' clock minus packets' clock, for sources on different hosts."""
    max_waiting: int = 65_536
    """Requests that may wait at once, about 2 kB each."""
    epochs: EpochLimits = field(default_factory=EpochLimits)


class JoinedRequest(msgspec.Struct, frozen=True, gc=False):
    """A request with its judgement, ready to become a row."""

    event: HttpEvent
    state: JoinState
    candidates: int
    confidence: float
    conn_id: int
    seq_on_conn: int
    """The server's own number if it gave one, else counted here, from 1."""
    hello: JoinableHello | None
    hello_to_request_us: int | None


class _Waiting(msgspec.Struct, eq=False):
    event: HttpEvent
    key: ConnectionKey
    times: RequestTimes
    is_judged: bool = False


class Correlator:
    """Holds what is needed to join the two streams; every method returns the requests it settled."""

    def __init__(self, limits: CorrelatorLimits) -> None:
        self._limits = limits
        self._epochs = EpochTable(limits.epochs)
        self._capture_started_us: int | None = None
        self._packets_us = -1
        self._now_us = -1
        self._waiting: dict[ConnectionKey, list[_Waiting]] = {}
        self._waiting_count = 0
        self._by_deadline: deque[tuple[int, _Waiting]] = deque()
        self._by_request_time: list[tuple[int, int, _Waiting]] = []
        self._serial = count()
        self._skew = ClockSkew()
        self.requests_dropped = 0
        """Requests given up because the waiting room was full, since the start."""
        self.requests_duplicate = 0
        """Reports of requests that the sensor read itself, since the start."""

    @property
    def waiting(self) -> int:
        """Requests that are waiting for their hello."""
        return self._waiting_count

    @property
    def clock_skew_us(self) -> int | None:
        """The value of `clock_offset_us` that the traffic suggests; None until there was enough of it."""
        return self._skew.estimate_us()

    @property
    def clock_skew_left_us(self) -> int | None:
        """`clock_skew_us` as far as the offset in use does not take it off."""
        skew_us = self._skew.estimate_us()
        return None if skew_us is None else skew_us - self._limits.clock_offset_us

    @property
    def better_clock_offset_us(self) -> int | None:
        """`clock_skew_us` where it is off the offset in use by more than the way to the server explains."""
        left_us = self.clock_skew_left_us
        if left_us is None or -self._limits.tolerance_us <= left_us <= TELLING_SKEW_US:
            return None
        return self.clock_skew_us

    @property
    def hellos_unused(self) -> int:
        """Hellos whose connection was forgotten without a request, since the start."""
        return self._epochs.hellos_unused

    @property
    def epochs_evicted(self) -> int:
        """Connections forgotten because a bound was reached, since the start."""
        return self._epochs.evicted_full

    @property
    def open_epochs(self) -> int:
        """Connections remembered now."""
        return len(self._epochs)

    def open(
        self,
        key: ConnectionKey,
        conn_id: int,
        opened_us: int,
        *,
        is_midstream: bool,
        syn: JoinableHello | None = None,
        is_read: bool = False,
    ) -> None:
        """A connection appeared on the wire.

        `syn`: facts of its SYN, for its cleartext requests; `is_read`: the sensor reads these itself.
        """
        epoch = self._epochs.open(key, conn_id, opened_us, is_midstream=is_midstream)
        if epoch.hello is None:
            epoch.hello = syn
        if is_read:
            epoch.read_here = ALL_REQUESTS

    def reading_ended(self, conn_id: int, requests: int) -> None:
        """The sensor has read so many requests of a connection and will read no more."""
        epoch = self._epochs.tracked(conn_id)
        if epoch is not None:
            epoch.read_here = requests

    def read_here(self, event: HttpEvent, conn_id: int, key: ConnectionKey) -> JoinedRequest:
        """Join a cleartext request that the sensor read; `conn_id` is the flow table's of its connection."""
        waiting = _Waiting(event, key, RequestTimes(event.t_us, None))
        return self._join(waiting, _cleartext(self._epochs.tracked(conn_id)))

    def hello(
        self, conn_id: int, facts: JoinableHello, proxied_key: ConnectionKey | None = None
    ) -> list[JoinedRequest]:
        """A hello was read on a tracked connection: requests that waited for it are settled.

        `proxied_key` holds the addresses of a PROXY protocol header that stood before the hello: the server
        reports the connection under them, while the packets carry the proxy's.
        """
        epoch = self._epochs.tracked(conn_id)
        if epoch is None:
            return []
        self._epochs.attach(epoch, facts)
        self._note_skew_of_early(epoch, facts)
        if proxied_key is None:
            return self._retry(epoch.key)
        self._epochs.attach_proxied(epoch, proxied_key)
        return self._retry(epoch.key) + self._retry(proxied_key)

    def close(self, conn_id: int, closed_us: int, *, is_final: bool) -> None:
        """A connection ended (`is_final`), or the flow table lost sight of it."""
        self._epochs.close(conn_id, closed_us, self._now_us, is_final=is_final)

    def request(self, event: HttpEvent, key: ConnectionKey) -> list[JoinedRequest]:
        """A request was reported; it is settled, waits, or is dropped and counted if too many wait."""
        offset_us = self._limits.clock_offset_us
        start_us = None if event.conn_start_us is None else event.conn_start_us - offset_us
        waiting = _Waiting(event, key, RequestTimes(event.t_us - offset_us, start_us, event.time_error_us))
        if event.scheme == "http":
            return self._join_cleartext(waiting)
        if waiting.times.at_us <= self._packets_us:
            judgement = maybe_match(self._epochs.on(key), waiting.times, self._limits.tolerance_us)
            if judgement is not None:
                return [self._join(waiting, judgement)]
        if self._waiting_count >= self._limits.max_waiting:
            self.requests_dropped += 1
            return []
        self._wait(waiting)
        return []

    def packets_seen_until(self, packets_us: int) -> list[JoinedRequest]:
        """The packet source has delivered everything before `packets_us`."""
        if self._capture_started_us is None:
            self._capture_started_us = packets_us
        if packets_us <= self._packets_us:
            return []
        self._packets_us = packets_us
        joined = []
        while self._by_request_time and self._by_request_time[0][0] <= packets_us:
            _, _, waiting = heapq.heappop(self._by_request_time)
            if not waiting.is_judged:
                joined += self._maybe_settle(waiting)
        return joined

    def advance(self, now_us: int) -> list[JoinedRequest]:
        """Time passed: settle requests that waited long enough and forget what is over."""
        if now_us <= self._now_us:
            return []
        self._now_us = now_us
        joined = []
        while self._by_deadline and self._by_deadline[0][0] <= now_us:
            _, waiting = self._by_deadline.popleft()
            if not waiting.is_judged:
                joined.append(self._give_up_waiting(waiting))
        self._epochs.expire(now_us)
        return joined

    def finish(self) -> list[JoinedRequest]:
        """Both sources have ended: settle every request and retire every connection."""
        joined = self._settle_all()
        self._epochs.retire_all()
        return joined

    def hand_over(self) -> tuple[list[JoinedRequest], tuple[OpenConnection, ...]]:
        """As `finish`, but the connections that may carry more requests are left to the next run."""
        joined = self._settle_all()
        return joined, tuple([open_connection(epoch) for epoch in self._epochs.release()])

    def restore(self, connections: Iterable[OpenConnection], handed_over_us: int, now_us: int) -> int:
        """Go on with connections of the run before, of which packets were seen up to `handed_over_us`.

        Returns how many: those that would have been forgotten by now are left out.
        """
        taken = 0
        for connection in connections:
            taken += self._epochs.restore(restored_epoch(connection, handed_over_us), now_us)
        return taken

    def _settle_all(self) -> list[JoinedRequest]:
        joined = [self._give_up_waiting(w) for _, w in self._by_deadline if not w.is_judged]
        self._by_deadline.clear()
        self._by_request_time.clear()
        return joined

    def _wait(self, waiting: _Waiting) -> None:
        self._waiting.setdefault(waiting.key, []).append(waiting)
        self._waiting_count += 1
        self._by_deadline.append((self._now_us + self._limits.wait_us, waiting))
        if waiting.times.at_us > self._packets_us:
            heapq.heappush(self._by_request_time, (waiting.times.at_us, next(self._serial), waiting))

    def _stop_waiting(self, waiting: _Waiting) -> None:
        waiting.is_judged = True
        self._waiting_count -= 1
        same_key = self._waiting[waiting.key]
        same_key.remove(waiting)
        if not same_key:
            del self._waiting[waiting.key]

    def _retry(self, key: ConnectionKey) -> list[JoinedRequest]:
        joined = []
        for waiting in list(self._waiting.get(key, ())):
            if waiting.times.at_us <= self._packets_us:
                joined += self._maybe_settle(waiting)
        return joined

    def _maybe_settle(self, waiting: _Waiting) -> list[JoinedRequest]:
        judgement = maybe_match(self._epochs.on(waiting.key), waiting.times, self._limits.tolerance_us)
        if judgement is None:
            return []
        self._stop_waiting(waiting)
        return [self._join(waiting, judgement)]

    def _give_up_waiting(self, waiting: _Waiting) -> JoinedRequest:
        self._stop_waiting(waiting)
        epochs = self._epochs.on(waiting.key)
        tolerance_us = self._limits.tolerance_us
        judgement = maybe_match(epochs, waiting.times, tolerance_us)
        if judgement is None:
            self._note_skew(epochs, waiting.event)
            judgement = judge_without_hello(epochs, waiting.times, tolerance_us, self._capture_started_us)
        elif judgement.confidence == CERTAIN and waiting.times.at_us > self._packets_us:
            # The packets of the request's time were never seen: a newer connection may hide there.
            judgement = Judgement(judgement.state, judgement.candidates, NEARLY_CERTAIN, judgement.epoch)
        return self._join(waiting, judgement)

    def _join_cleartext(self, waiting: _Waiting) -> list[JoinedRequest]:
        containing = epochs_containing(self._epochs.on(waiting.key), waiting.times, self._limits.tolerance_us)
        epoch = containing[-1] if containing else None
        if epoch is not None and epoch.read_here:
            epoch.reported += 1
            if (waiting.event.conn_req or epoch.reported) <= epoch.read_here:
                self.requests_duplicate += 1
                return []
        return [self._join(waiting, _cleartext(epoch))]

    def _join(self, waiting: _Waiting, judgement: Judgement) -> JoinedRequest:
        event = waiting.event
        epoch = judgement.epoch or self._unobserved(waiting)
        if judgement.state is JoinState.MATCHED and epoch.requests == 0:
            self._note_skew(self._epochs.on(waiting.key), event)
        epoch.requests += 1
        self._epochs.touch(epoch, waiting.times.at_us)
        has_hello = judgement.state in (JoinState.MATCHED, JoinState.AMBIGUOUS)
        is_cleartext = judgement.state is JoinState.CLEARTEXT
        has_syn_alone = is_cleartext and epoch.hello is not None and epoch.hello.quality is None
        hello = epoch.hello if has_hello or has_syn_alone else None
        return JoinedRequest(
            event=event,
            state=judgement.state,
            candidates=judgement.candidates,
            confidence=judgement.confidence,
            conn_id=epoch.conn_id,
            seq_on_conn=epoch.requests if event.conn_req is None else event.conn_req,
            hello=hello,
            hello_to_request_us=None if hello is None or is_cleartext else waiting.times.at_us - hello.ts_us,
        )

    def _note_skew(self, epochs: Sequence[Epoch], event: HttpEvent) -> None:
        """Compare a connection's first request with its hello, also where the clocks prevent the join.

        Only where no other connection used the ports: a wrong clock leads to wrong joins there, and the
        estimate would confirm it.
        """
        if event.conn_req not in (None, 1) or len(epochs) != 1:
            return
        if epochs[0].requests == 0 and epochs[0].hello is not None and epochs[0].hello.quality is not None:
            # The latest moment that a coarse time can mean: the estimate is an upper bound.
            self._skew.add(epochs[0].hello.ts_us, event.t_us + event.time_error_us)

    def _note_skew_of_early(self, epoch: Epoch, hello: JoinableHello) -> None:
        """In a recording, events of a clock that is behind come before their packets and were given up."""
        epochs = self._epochs.on(epoch.key)
        if len(epochs) == 2 and not epochs[0].is_observed and epoch.hellos == 1:
            self._skew.add(hello.ts_us, epochs[0].opened_us + self._limits.clock_offset_us)

    def _unobserved(self, waiting: _Waiting) -> Epoch:
        event = waiting.event
        identity = (event.conn_start_us, event.conn_seq)
        for epoch in reversed(self._epochs.on(waiting.key)):
            if not epoch.is_observed and epoch.server_identity == identity:
                return epoch
        began_us = event.t_us if event.conn_start_us is None else event.conn_start_us
        conn_id = unobserved_conn_id(waiting.key, began_us, event.conn_seq)
        return self._epochs.open_unobserved(waiting.key, conn_id, waiting.times.at_us, identity)


def _cleartext(epoch: Epoch | None) -> Judgement:
    return Judgement(JoinState.CLEARTEXT, 0, NO_JOIN, epoch)


def unobserved_conn_id(key: ConnectionKey, began_us: int, conn_seq: int | None) -> int:
    """64-bit id of a connection that only the server reported; a repeated replay gives the same."""
    digest = blake2b(digest_size=8, person=b"unobserved")
    digest.update(key.transport.encode())
    digest.update(key.src_ip + key.src_port.to_bytes(2) + key.dst_ip + key.dst_port.to_bytes(2))
    digest.update(f"{began_us},{conn_seq}".encode())
    return int.from_bytes(digest.digest())

"""A cleartext HTTP connection: segments of both sides in, exchanges out; ends at what it cannot read.

The client's bytes begin behind its SYN. The server's begin where a segment looks like the first of a
response, because its sequence numbers are not known for every connection.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from capture_agent.flows.client_stream import SEQ_MASK
from capture_agent.flows.flow_events import ConnectionEpoch, HttpExchange
from capture_agent.flows.http2_dialogue import Http2Dialogue
from capture_agent.flows.http_dialogue import Http1Dialogue, TooManyPending
from capture_agent.flows.http_pending import ReadingEnd, exchange_of
from capture_agent.flows.ordered_bytes import OrderedBytes
from capture_agent.wire.errors import Malformed
from capture_agent.wire.http1 import HEAD_TOO_LONG, is_request_line, may_start_request
from capture_agent.wire.http2 import PREFACE
from capture_agent.wire.proxy_protocol import V1_START, V2_SIGNATURE, read_v1, read_v2


class _Side:
    """One direction."""

    __slots__ = ("acknowledged", "bytes", "is_cut", "is_over", "may_wait")

    def __init__(self, next_seq: int | None) -> None:
        self.bytes = OrderedBytes(next_seq)
        self.is_cut = False
        """The capture lacks the end of some segment: a gap behind it will not fill."""
        self.is_over = False
        self.acknowledged: int | None = None
        """What the other side has received: a gap before that will not fill either."""
        self.may_wait = True
        """Bytes before the first that make sense are held, as segments may come in disorder."""


class HttpConversation:
    """`ended` says why there is nothing more to read; None while there is."""

    def __init__(self, epoch: ConnectionEpoch, isn: int) -> None:
        self.ended: ReadingEnd | None = None
        self.server_ended: ReadingEnd | None = None
        """Why responses are not read any more; the requests that follow have no status."""
        self.gaps = 0
        """Places where bytes were missing that could have been a head's."""
        self._client_ended: ReadingEnd | None = None
        self._epoch = epoch
        self._client = _Side((isn + 1) & SEQ_MASK)
        self._server = _Side(None)
        self._dialogue: Http1Dialogue | Http2Dialogue | None = None
        """None until the client's first bytes tell the version of HTTP."""
        self._opening = b""

    @property
    def requests(self) -> int:
        """How many were read."""
        return 0 if self._dialogue is None else self._dialogue.requests

    @property
    def held_bytes(self) -> int:
        """Bytes held of both sides."""
        dialogue = 0 if self._dialogue is None else self._dialogue.held_bytes
        return dialogue + len(self._opening) + self._client.bytes.held_bytes + self._server.bytes.held_bytes

    def take(
        self, seq: int, payload: bytes, *, ack: int | None, is_cut: bool, is_client: bool, ts_us: int
    ) -> list[HttpExchange]:
        """Take a segment's payload; returns the exchanges that are over with it.

        `ack`: its acknowledgement number, if it has one.
        """
        side, other = (self._client, self._server) if is_client else (self._server, self._client)
        if ack is not None:
            other.acknowledged = ack
            if other.bytes.held_bytes:
                self._guarded(other, self._deliver_held, ts_us)
        if self.ended is None and not side.is_over:
            side.is_cut |= is_cut
            self._guarded(side, partial(self._receive, seq, payload), ts_us)
        return self._exchanges(ts_us)

    def _receive(self, seq: int, payload: bytes, side: _Side, ts_us: int) -> None:
        if side.bytes.next_seq is None:
            if self._may_begin(side, payload):
                side.bytes.begin(seq)
            elif not side.may_wait:
                return
        self._deliver(side, side.bytes.receive(seq, payload), ts_us)
        if side.bytes.held_bytes:
            self._deliver_held(side, ts_us)
        server = self._server
        if side is self._client and server.bytes.next_seq is None and server.bytes.held_bytes:
            # The response was captured before the request, as with several receive queues.
            self._begin_in_held(server)
            self._deliver_held(server, ts_us)

    def _guarded(self, side: _Side, read: Callable[[_Side, int], None], ts_us: int) -> None:
        try:
            read(side, ts_us)
        except Malformed as error:
            oversize = error.reason == HEAD_TOO_LONG
            self._end_side(side, ReadingEnd.OVERSIZE if oversize else ReadingEnd.MALFORMED)
        except TooManyPending:
            self._end_side(side, ReadingEnd.FULL)

    def finish(self, ts_us: int, reason: ReadingEnd = ReadingEnd.CLOSED) -> list[HttpExchange]:
        """Nothing more will be read; what is pending is told as far as it is known."""
        self.ended = self.ended or self._client_ended or reason
        if self._dialogue is not None:
            self._dialogue.give_up_waiting()
        return self._exchanges(ts_us)

    def _begin_in_held(self, side: _Side) -> bool:
        seq = side.bytes.maybe_find(partial(self._may_begin, side))
        if seq is None:
            return False
        side.bytes.begin(seq)
        return True

    def _may_begin(self, side: _Side, payload: bytes) -> bool:
        if side is self._client:
            return is_request_line(payload)
        dialogue = self._dialogue
        if dialogue is None or not (side.may_wait or dialogue.pending):
            return False
        return dialogue.may_begin_server(payload)

    def _deliver(self, side: _Side, octets: bytes, ts_us: int) -> None:
        if not octets:
            return
        if side is self._server:
            if self._dialogue is not None:
                self._dialogue.from_server(octets)
                self._look_for_upgrade(ts_us)
            return
        if self._dialogue is None:
            octets = self._begin(octets)
        if self._dialogue is not None and octets:
            self._dialogue.from_client(octets, ts_us)

    def _deliver_held(self, side: _Side, ts_us: int) -> None:
        while not side.is_over and self.ended is None:
            octets = side.bytes.next()
            if octets:
                self._deliver(side, octets, ts_us)
            elif not side.bytes.held_bytes or not self._is_lost(side):
                return
            elif side.bytes.next_seq is None:
                side.bytes = OrderedBytes(None)
            else:
                self._pass_gap(side)

    def _is_lost(self, side: _Side) -> bool:
        octets = side.bytes
        return octets.is_full or (side.is_cut and octets.gap() > 0) or octets.is_lost(side.acknowledged)

    def _pass_gap(self, side: _Side) -> None:
        """Go on behind what is missing: in a body at once, else at the next head."""
        size = side.bytes.gap()
        is_client = side is self._client
        dialogue = self._dialogue
        if dialogue is not None and dialogue.skip(size, is_client=is_client):
            side.bytes.skip(size)
            return
        self.gaps += 1
        if not isinstance(dialogue, Http1Dialogue):
            self._end_side(side, ReadingEnd.GAP)
            return
        if is_client:
            dialogue.restart_requests()
        else:
            dialogue.restart_responses()
        side.may_wait = False
        side.bytes.next_seq = None
        if not self._begin_in_held(side):
            side.bytes = OrderedBytes(None)

    def _begin(self, octets: bytes) -> bytes:
        """Tell the version by the first bytes; returns what follows them. Raises Malformed."""
        opening = self._opening + octets
        header = None
        if opening[:1] == V2_SIGNATURE[:1] and V2_SIGNATURE.startswith(opening[: len(V2_SIGNATURE)]):
            header = read_v2(opening)
        elif V1_START.startswith(opening[: len(V1_START)]):
            header = read_v1(opening)
        else:
            header = 0, None
        if header is None or len(opening) == header[0]:
            self._opening = opening
            return b""
        opening = opening[header[0] :]
        if PREFACE.startswith(opening[: len(PREFACE)]):
            if len(opening) < len(b"PRI *"):
                self._opening = opening
                return b""
            self._dialogue = Http2Dialogue()
        elif may_start_request(opening):
            self._dialogue = Http1Dialogue()
        else:
            self.ended = ReadingEnd.OTHER_PROTOCOL
        self._opening = b""
        return opening

    def _look_for_upgrade(self, ts_us: int) -> None:
        dialogue = self._dialogue
        if not isinstance(dialogue, Http1Dialogue):
            return
        if dialogue.is_other_protocol:
            self.ended = ReadingEnd.OTHER_PROTOCOL
        elif dialogue.upgrade is not None:
            request, rest = dialogue.upgrade
            following = Http2Dialogue(dialogue.requests, request)
            following.done = dialogue.done
            self._dialogue = following
            if rest:
                self._deliver(self._server, rest, ts_us)

    def _end_side(self, side: _Side, reason: ReadingEnd) -> None:
        """Read no more of this side: without requests nothing follows, without responses no status."""
        side.is_over = True
        side.bytes = OrderedBytes(None)
        if side is self._server:
            self.server_ended = reason
        else:
            self._client_ended = reason

    def _exchanges(self, ts_us: int) -> list[HttpExchange]:
        dialogue = self._dialogue
        if dialogue is None:
            self.ended = self.ended or self._client_ended
            return []
        if self.ended is not None or self._server.is_over:
            dialogue.give_up_waiting()
        if self._client_ended is not None and not dialogue.pending:
            self.ended = self.ended or self._client_ended
        if not dialogue.done:
            return []
        fingerprint = dialogue.fingerprint if isinstance(dialogue, Http2Dialogue) else None
        done, dialogue.done = dialogue.done, []
        return [exchange_of(request, self._epoch, ts_us, fingerprint) for request in done]

"""The TCP table with a short way for ordinary streams: a hello whole in one record and one or two segments.

Such a stream needs no reassembler and no reader. What departs from it in any way gets both, as if every
byte had gone through them. No rule lives here: tests hold the two tables equal.
"""

from __future__ import annotations

from capture_agent.events import Quality
from capture_agent.flows.client_stream import SEQ_MASK
from capture_agent.flows.flow_events import FlowEvent, HelloSeen
from capture_agent.flows.tcp_flow import ReportedHello, TcpFlow
from capture_agent.flows.tcp_table import TcpTable, maybe_interval
from capture_agent.wire import registry
from capture_agent.wire.tls_record import EARLY_DATA_EXTENSION, MAX_PLAINTEXT_BYTES

_RECORD_BYTES = 5
_HEADER_BYTES = 9
"""Record and handshake header."""
_START_END = _HEADER_BYTES + 34
"""Behind version and random."""


class QuickTcpTable(TcpTable):
    """As TcpTable, sooner."""

    def client_payload(
        self, flow: TcpFlow, seq: int, payload: bytes, is_cut: bool, ts_us: int, events: list[FlowEvent]
    ) -> None:
        """As TcpTable.client_payload."""
        if flow.stream is None and flow.isn is not None and not is_cut:
            plain = flow.plain
            ahead = (seq - flow.isn - 1) & SEQ_MASK
            if plain is None:
                if not ahead and self._take_first(flow, payload, ts_us, events):
                    return
            elif isinstance(plain, bytes):
                if ahead == len(plain) and len(payload) == _record_size(plain) - ahead:
                    self.budget.forget(flow)
                    self._report(flow, plain + payload, 2, ts_us, events)
                    return
            elif ahead == plain.size and _holds_no_hello(payload, plain.announces_early_data):
                self.end_stream(flow, ts_us, events)
                return
        if flow.plain is not None:
            self._unfold(flow)
        super().client_payload(flow, seq, payload, is_cut, ts_us, events)

    def end_stream(self, flow: TcpFlow, ts_us: int, events: list[FlowEvent]) -> None:
        """As TcpTable.end_stream."""
        if isinstance(flow.plain, bytes):
            self._unfold(flow)
        flow.plain = None
        super().end_stream(flow, ts_us, events)

    def _take_first(self, flow: TcpFlow, payload: bytes, ts_us: int, events: list[FlowEvent]) -> bool:
        """Take the start of the stream; False if it is not ordinary."""
        if (
            len(payload) < _START_END
            or payload[0] != registry.RECORD_HANDSHAKE
            or payload[1] != 3
            or payload[5] != registry.HANDSHAKE_CLIENT_HELLO
        ):
            return False
        size = _record_size(payload)
        if (
            len(payload) > size
            or int.from_bytes(payload[6:9], "big") != size - _HEADER_BYTES
            or size > _RECORD_BYTES + MAX_PLAINTEXT_BYTES
        ):
            return False
        if len(payload) == size:
            self._report(flow, payload, 1, ts_us, events)
        else:
            flow.plain = payload
            self._note_buffered(flow, len(payload) - _RECORD_BYTES, ts_us, events)
        return True

    def _report(
        self, flow: TcpFlow, record: bytes, segments: int, ts_us: int, events: list[FlowEvent]
    ) -> None:
        epoch = flow.epoch
        if epoch is None:
            raise ValueError("a hello belongs to a connection that is still searched")
        message = record[_RECORD_BYTES:]
        flow.plain = ReportedHello(
            len(record), record[_HEADER_BYTES:_START_END], EARLY_DATA_EXTENSION in message
        )
        events.append(
            HelloSeen(
                epoch,
                ts_us,
                message,
                Quality.COMPLETE if segments == 1 else Quality.REASSEMBLED,
                None,
                segments,
                False,
                False,
                None,
                None,
                flow.syn_ack_rtt_us,
                None if epoch.syn is None else maybe_interval(epoch.opened_us, ts_us),
            )
        )

    def _unfold(self, flow: TcpFlow) -> None:
        """Give the flow the stream that it would have had from the start."""
        plain, flow.plain = flow.plain, None
        stream = self.stream_of(flow)
        if stream is None or flow.isn is None:
            return
        if isinstance(plain, ReportedHello):
            stream.resume_behind_hello(plain.size, plain.start, plain.announces_early_data)
        elif plain is not None:
            stream.receive((flow.isn + 1) & SEQ_MASK, plain, False)


def _record_size(record: bytes) -> int:
    return _RECORD_BYTES + (record[3] << 8 | record[4])


def _holds_no_hello(octets: bytes, announces_early_data: bool) -> bool:
    """Behind a hello: these bytes show that no second one comes (see ClientHelloReader); False: perhaps."""
    at = 0
    if octets[:1] == b"\x14" and octets[3:5] == b"\0\x01":
        # change_cipher_spec stands before the answer to a HelloRetryRequest too (RFC 8446, D.4).
        at = _RECORD_BYTES + 1
    if len(octets) <= at + _RECORD_BYTES:
        return False
    kind = octets[at]
    if kind == registry.RECORD_HANDSHAKE:
        return octets[at + _RECORD_BYTES] != registry.HANDSHAKE_CLIENT_HELLO
    return kind == registry.RECORD_APPLICATION_DATA and not announces_early_data

"""`ja4-agent read` in pure Python: one loop over the records of a capture.

Most frames of a capture cannot bring a hello: their connection is already searched, or they come from the
server, or are bare acknowledgements. In a pcap file of Ethernet frames they are passed over here, before
anything is called for them. The rule is that of `flows.skim`; tests hold this loop, that path and the
readable one equal.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, BinaryIO

from capture_agent.agent.quick_lines import QuickLines
from capture_agent.capture.files import MAX_FRAME_BYTES, RECORD_HEADER_BYTES, RELEASE_BYTES
from capture_agent.flows.skim import SkimmingPacketPath
from capture_agent.rows.stored import LAST_US
from capture_agent.wire.frame import Frame
from capture_agent.wire.link import LINKTYPE_ETHERNET
from capture_agent.wire.packet import IP_PROTOCOL_TCP
from capture_agent.wire.segment import TCP_FIN, TCP_RST, TCP_SYN

if TYPE_CHECKING:
    from capture_agent.agent.hello_lines import HelloLines
    from capture_agent.capture.files import CaptureFile, PcapRecords
    from capture_agent.flows.flow_events import FlowEvent

STEP_US = 1_000_000
"""How far packet time moves before idle connections and overdue hellos are looked for."""
MAX_WAITING_EVENTS = 512
"""Flow events gathered before their hellos are written."""

_RECORD_AND_FRAME = "III16x3sxH2xHxB2x12s8xBB"
"""A record's header without the length on the wire; ethertype and the first byte of the IPv4 header, its
total length, fragment field and protocol, addresses and ports, and of the TCP header its length and flags, as
they stand without options. The fields of the frame are big-endian, whatever the file is."""
_PLAIN_IPV4 = b"\x08\x00\x45"
_FRAGMENT_BITS = b"\x3f\xff"
_ETHERNET_BYTES, _IPV4_BYTES = 14, 20
_HEADERS_BYTES = _ETHERNET_BYTES + _IPV4_BYTES
_MIN_DATA_OFFSET = 0x50
"""Smallest octet of the TCP header that holds its length."""
_MIN_FRAME_BYTES = 54


def print_hellos_pure(capture: CaptureFile, lines: HelloLines, out: BinaryIO) -> None:
    """Write each hello of a capture as a JSON line; raises what iterating the capture raises."""
    PureReader(lines, out).read(capture)


class PureReader:
    """Feeds the frames of one capture to the flow table and writes the hellos it finds."""

    def __init__(self, lines: HelloLines, out: BinaryIO) -> None:
        self.packets = SkimmingPacketPath(lines.sensor, lines.limits)
        self._lines = QuickLines(lines.sensor, with_skeleton=lines.with_skeleton, requests=lines.requests)
        self._out = out
        self._events: list[FlowEvent] = []
        self._now_us = 0
        self._next_step_us = 0

    def read(self, capture: CaptureFile) -> None:
        try:
            records = capture.maybe_pcap_records()
            while records is not None and records.link_type == LINKTYPE_ETHERNET:
                offset = self._walk(records)
                if offset == records.offset:
                    break
                capture.skip_to(offset)
                records = capture.maybe_pcap_records()
            # What is left is another format, or the incomplete or damaged end of a pcap file.
            for frame in capture:
                self._feed(frame)
        finally:
            # A damaged record ends the file; the hellos before it are still written.
            self._write()
            for events in self.packets.finish_in_parts(self._now_us):
                self._out.write(self._lines(events))

    def _feed(self, frame: Frame) -> None:
        if frame.ts_us >= self._next_step_us:
            if frame.ts_us >= LAST_US:
                return
            self._step(frame.ts_us)
        self._events += self.packets.feed(frame)
        if len(self._events) > MAX_WAITING_EVENTS:
            self._write()

    def _step(self, now_us: int) -> None:
        self._now_us = now_us
        self._next_step_us = now_us + STEP_US
        self._events += self.packets.advance(now_us)

    def _write(self) -> None:
        self._out.write(self._lines(self._events))
        self._events.clear()

    def _walk(self, records: PcapRecords) -> int:
        """Records up to RELEASE_BYTES on, or to a damaged one, or near the end; returns the next offset."""
        buffer, offset, is_little_endian, units, link_type = records
        record = Struct(("<" if is_little_endian else ">") + _RECORD_AND_FRAME)
        fields, size = record.unpack_from, len(buffer)
        tcp, take, events = self.packets.table.tcp, self.packets.take, self._events
        find_flow, client_payload, note_end = tcp.flows.get, tcp.client_payload, tcp.note_end
        stop = min(offset + RELEASE_BYTES, size - record.size + 1)
        big_endian = slice(None, None, -1) if is_little_endian else slice(None)
        bare = [
            int.from_bytes((_IPV4_BYTES + (octet >> 4) * 4).to_bytes(2, "big")[big_endian], "big")
            for octet in range(256)
        ]
        fragment_bits = int.from_bytes(_FRAGMENT_BITS[big_endian], "big")
        while offset < stop:
            seconds, fraction, length, plain, total, fragment, protocol, key, data_offset, flags = fields(
                buffer, offset
            )
            begin = offset + RECORD_HEADER_BYTES
            if length > MAX_FRAME_BYTES or begin + length > size:
                break
            offset = begin + length
            ts_us = seconds * 1_000_000 + fraction // units
            if length < _MIN_FRAME_BYTES or ts_us >= self._next_step_us:
                self._feed(Frame(ts_us, link_type, buffer, begin, length, length))
                continue
            if (
                plain == _PLAIN_IPV4
                and protocol == IP_PROTOCOL_TCP
                and not flags & TCP_SYN
                and not fragment & fragment_bits
            ):
                flow = find_flow(key)
                if flow is None:
                    pass
                elif not flags & (TCP_FIN | TCP_RST):
                    if (
                        flow.epoch is None
                        or total == bare[data_offset]
                        or (key != flow.client_key and not flow.is_midstream)
                    ):
                        flow.last_us = ts_us
                        continue
                    if key == flow.client_key:
                        start = begin + _HEADERS_BYTES + (data_offset >> 4) * 4
                        stop_at = begin + _ETHERNET_BYTES + (buffer[begin + 16] << 8 | buffer[begin + 17])
                        if data_offset >= _MIN_DATA_OFFSET and start <= stop_at <= offset:
                            flow.last_us = ts_us
                            seq = int.from_bytes(buffer[begin + 38 : begin + 42], "big")
                            client_payload(flow, seq, buffer[start:stop_at], False, ts_us, events)
                            continue
                elif (
                    total == bare[data_offset]
                    and data_offset >= _MIN_DATA_OFFSET
                    and begin + _HEADERS_BYTES + (data_offset >> 4) * 4 <= offset
                ):
                    flow.last_us = ts_us
                    note_end(flow, flags, key == flow.client_key, ts_us, events)
                    continue
            if not take(buffer, begin, length, ts_us, events):
                self._feed(Frame(ts_us, link_type, buffer, begin, length, length))
            elif len(events) > MAX_WAITING_EVENTS:
                self._write()
        return offset

"""`ja4-agent read` in pure Python: one loop over the records of a capture.

Most frames of a capture cannot bring a hello: their connection is already searched, or they come from the
server, or are bare acknowledgements. In a pcap file of Ethernet frames they are passed over here, before an
object is made for them. The rule is that of `flows.skim`; tests hold this loop, that path and the readable
one equal.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, BinaryIO

from capture_agent.capture.files import MAX_FRAME_BYTES, RECORD_HEADER_BYTES, RELEASE_BYTES
from capture_agent.flows.skim import SkimmingPacketPath
from capture_agent.rows.stored import LAST_US
from capture_agent.wire.frame import Frame
from capture_agent.wire.link import LINKTYPE_ETHERNET

if TYPE_CHECKING:
    from capture_agent.agent.reading import HelloLines
    from capture_agent.capture.files import CaptureFile, PcapRecords

STEP_US = 1_000_000
"""How far packet time moves before idle connections and overdue hellos are looked for."""

_PLAIN_IPV4 = b"\x08\x00\x45"
"""Ethertype and first byte of an IPv4 header without options, at byte 12 of an Ethernet frame."""
_TCP = b"\x06"
_OPENS_OR_CLOSES = 0x07
"""FIN, SYN, RST."""
_MIN_FRAME_BYTES = 54


def print_hellos_pure(capture: CaptureFile, lines: HelloLines, out: BinaryIO) -> None:
    """Write each hello of a capture as a JSON line; raises what iterating the capture raises."""
    _PureReader(lines, out).read(capture)


class _PureReader:
    """Feeds the frames of one capture to the flow table and writes the hellos it finds."""

    def __init__(self, lines: HelloLines, out: BinaryIO) -> None:
        self._packets = SkimmingPacketPath(lines.sensor)
        self._lines = lines
        self._out = out
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
            self._out.write(self._lines(self._packets.finish(self._now_us)))

    def _feed(self, frame: Frame) -> None:
        if frame.ts_us >= self._next_step_us:
            if frame.ts_us >= LAST_US:
                return
            self._now_us = frame.ts_us
            self._next_step_us = frame.ts_us + STEP_US
            self._out.write(self._lines(self._packets.advance(frame.ts_us)))
        if flow_events := self._packets.feed(frame):
            self._out.write(self._lines(flow_events))

    def _walk(self, records: PcapRecords) -> int:
        """Records up to RELEASE_BYTES on, to the end, or to one that is damaged; returns the next offset."""
        buffer, offset, is_little_endian, units, link_type = records
        header = Struct("<IIII" if is_little_endian else ">IIII").unpack_from
        find_flow = self._packets.table.tcp.flows.get
        feed, size = self._feed, len(buffer)
        stop = min(offset + RELEASE_BYTES, size - RECORD_HEADER_BYTES + 1)
        while offset < stop:
            seconds, fraction, length, wire_length = header(buffer, offset)
            begin = offset + RECORD_HEADER_BYTES
            if length > MAX_FRAME_BYTES or begin + length > size:
                break
            offset = begin + length
            ts_us = seconds * 1_000_000 + fraction // units
            if (
                length >= _MIN_FRAME_BYTES
                and not buffer[begin + 47] & _OPENS_OR_CLOSES
                and buffer[begin + 12 : begin + 15] == _PLAIN_IPV4
                and buffer[begin + 23 : begin + 24] == _TCP
                and ts_us < self._next_step_us
            ):
                key = buffer[begin + 26 : begin + 38]
                flow = find_flow(key)
                if flow is not None and (
                    flow.epoch is None
                    or (key != flow.client_key and not flow.is_midstream)
                    or (buffer[begin + 16] << 8 | buffer[begin + 17]) == 20 + (buffer[begin + 46] >> 4) * 4
                ):
                    flow.last_us = ts_us
                    continue
            feed(Frame(ts_us, link_type, buffer, begin, length, wire_length))
        return offset

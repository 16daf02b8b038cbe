# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Walks frames in C and glances at each once: most carry nothing that a hello could be part of.

Takes Ethernet (tagged or not), Linux cooked and raw IP frames with an unfragmented TCP segment; every
other frame that could matter goes to the reference, `flows.packet_path.PacketPath`.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from capture_agent.rows.stored import LAST_US
from capture_agent.wire.frame import Frame
from capture_agent.wire.segment import TcpSegment
from capture_agent.wire.tunnel import UDP_TUNNELS

from capture_agent.compiled.octets cimport u16, u32, u32_little
from capture_agent.compiled.row_json cimport RowWriter
from capture_agent.compiled.tcp_fast cimport Segment, TcpFast

cdef enum:
    LINK_ETHERNET = 1
    LINK_RAW = 101
    LINK_SLL = 113
    LINK_IPV4 = 228
    LINK_IPV6 = 229
    LINK_SLL2 = 276
    ETHERTYPE_IPV4 = 0x0800
    ETHERTYPE_IPV6 = 0x86DD
    ETHERTYPE_ARP = 0x0806
    PROTOCOL_ICMP = 1
    PROTOCOL_TCP = 6
    PROTOCOL_UDP = 17
    PROTOCOL_ICMPV6 = 58
    RECORD_HEADER_BYTES = 16
    OUTPUT_BYTES = 1 << 20
    MAX_TAGS = 4

cdef enum Verdict:
    IGNORE
    TAKE
    SLOW


cdef class Walker:
    """Feeds frames to the fast table or to the reference, and collects the rows of both.

    `rows_of(flow_events)` gives the JSON lines of what the reference found.
    """

    cdef TcpFast tcp
    cdef RowWriter rows
    cdef object path
    cdef object udp_flows
    cdef object rows_of
    cdef int64_t step_us
    cdef int64_t next_step_us
    cdef int64_t last_us
    cdef readonly int64_t now_us
    cdef readonly long long frames
    cdef bint is_udp_tunnel[65536]

    def __init__(self, path, str sensor, rows_of, int64_t step_us, bint with_skeleton=True):
        self.path = path
        self.udp_flows = path.table.udp.flows
        self.rows = RowWriter(sensor, with_skeleton)
        self.tcp = TcpFast(path.table.tcp, path.table.limits, self.rows)
        self.rows_of = rows_of
        self.step_us = step_us
        self.next_step_us = self.now_us = 0
        self.last_us = LAST_US
        self.frames = 0
        for port in UDP_TUNNELS:
            self.is_udp_tunnel[port] = True

    @property
    def waiting_bytes(self):
        """Bytes that `take_rows` would give."""
        return self.rows.size

    @property
    def flows_held(self):
        """TCP flows held here, those that the reference follows among them."""
        return self.tcp.store.live

    @property
    def flows_evicted(self):
        """TCP flows given up here because a table was full; the reference counts its own."""
        return self.tcp.evicted

    def take_rows(self):
        """JSON lines since the last call."""
        return self.rows.take()

    def feed(self, frame):
        """One frame of any source."""
        cdef Py_buffer view
        cdef Py_ssize_t offset = frame.offset
        PyObject_GetBuffer(frame.buffer, &view, PyBUF_SIMPLE)
        try:
            self.one(
                <const uint8_t*>view.buf, frame.buffer, offset, frame.length, frame.wire_length, frame.ts_us,
                frame.link_type,
            )
        finally:
            PyBuffer_Release(&view)

    def walk_pcap(self, buffer, Py_ssize_t offset, bint is_little, int units_per_us, int link_type,
                  Py_ssize_t max_frame_bytes, Py_ssize_t stop):
        """Records of a pcap file from `offset` until `stop` is passed, a record is damaged or incomplete, or
        a megabyte of rows is waiting; returns the offset of the next record."""
        cdef Py_buffer view
        cdef const uint8_t* start
        cdef const uint8_t* header
        cdef Py_ssize_t size
        cdef int64_t seconds, fraction, length, wire_length
        PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
        try:
            start = <const uint8_t*>view.buf
            size = view.len
            while offset < stop and offset + RECORD_HEADER_BYTES <= size and self.rows.size < OUTPUT_BYTES:
                header = start + offset
                if is_little:
                    seconds, fraction = u32_little(header), u32_little(header + 4)
                    length, wire_length = u32_little(header + 8), u32_little(header + 12)
                else:
                    seconds, fraction = u32(header), u32(header + 4)
                    length, wire_length = u32(header + 8), u32(header + 12)
                if length > max_frame_bytes or offset + RECORD_HEADER_BYTES + length > size:
                    break
                offset += RECORD_HEADER_BYTES
                self.one(
                    start, buffer, offset, length, wire_length, seconds * 1000000 + fraction // units_per_us,
                    link_type,
                )
                offset += length
        finally:
            PyBuffer_Release(&view)
        return offset

    def finish(self):
        """The input has ended."""
        for _ in self.tcp.finish(self.now_us):
            self.write_events(None)
        for flow_events in self.path.finish_in_parts(self.now_us):
            self.write_events(flow_events)

    cdef int write_events(self, flow_events) except -1:
        if self.tcp.events:
            self.rows.write_line(self.rows_of(self.tcp.events))
            self.tcp.events.clear()
        if flow_events:
            self.rows.write_line(self.rows_of(flow_events))
        return 0

    cdef int one(
        self, const uint8_t* start, buffer, Py_ssize_t offset, int64_t length, int64_t wire_length,
        int64_t ts_us, int link_type,
    ) except -1:
        cdef Segment segment
        cdef uint8_t key[36]
        cdef int verdict
        if ts_us >= self.next_step_us:
            if ts_us >= self.last_us:
                return 0
            self.now_us = ts_us
            self.next_step_us = ts_us + self.step_us
            self.tcp.advance(ts_us)
            self.write_events(self.path.advance(ts_us))
        self.frames += 1
        segment.key = key
        segment.is_tunnelled = False
        verdict = self.glance(start + offset, <int>length, link_type, &segment, key, ts_us)
        if verdict == IGNORE:
            return 0
        if verdict == TAKE and self.tcp.feed(&segment, ts_us):
            return self.write_events(None) if self.tcp.events else 0
        frame = Frame(ts_us, link_type, buffer, offset, length, wire_length)
        if verdict == SLOW:
            return self.decoded(frame, ts_us)
        self.write_events(self.path.feed(frame))
        self.tcp.take_back(PyBytes_FromStringAndSize(<const char*>key, segment.key_size))
        return 0

    cdef int decoded(self, frame, int64_t ts_us) except -1:
        """A frame that only the reference can take apart: its segment may belong to a flow held here."""
        cdef Segment segment
        cdef bytes flow_key, options, payload
        found = self.path.maybe_segment(frame)
        if found is None:
            return 0
        if not isinstance(found, TcpSegment):
            return self.write_events(self.path.table.feed(found, ts_us))
        flow_key, options, payload = found.flow_key, found.options, found.payload
        segment.key = <const uint8_t*>PyBytes_AS_STRING(flow_key)
        segment.key_size = <int>len(flow_key)
        segment.seq = found.seq
        segment.ack = found.ack
        segment.flags = found.flags
        segment.window = found.window
        segment.options = <const uint8_t*>PyBytes_AS_STRING(options)
        segment.option_size = <int>len(options)
        segment.payload = <const uint8_t*>PyBytes_AS_STRING(payload)
        segment.payload_size = <int>len(payload)
        segment.ttl = found.ttl
        segment.ip_df = bool(found.ip_df)
        segment.ip_id = found.ip_id or 0
        segment.is_cut = found.is_cut
        segment.is_tunnelled = found.tunnel is not None
        if not self.tcp.feed(&segment, ts_us):
            self.write_events(self.path.table.feed(found, ts_us))
            self.tcp.take_back(flow_key)
        return 0

    cdef int glance(
        self, const uint8_t* frame, int length, int link_type, Segment* segment, uint8_t* key, int64_t ts_us
    ) except -1:
        """What to do with a frame; for TAKE, `segment` and `key` are filled."""
        cdef int at = 0, ethertype = 0, tags = 0
        if link_type == LINK_ETHERNET:
            if length < 14:
                return SLOW
            ethertype = u16(frame + 12)
            at = 14
        elif link_type == LINK_SLL:
            if length < 16:
                return SLOW
            ethertype = u16(frame + 14)
            at = 16
        elif link_type == LINK_SLL2:
            if length < 20:
                return SLOW
            ethertype = u16(frame)
            at = 20
        elif link_type == LINK_RAW or link_type == LINK_IPV4 or link_type == LINK_IPV6:
            if length < 1:
                return SLOW
            ethertype = ETHERTYPE_IPV4 if frame[0] >> 4 == 4 else ETHERTYPE_IPV6 if frame[0] >> 4 == 6 else 0
        else:
            return SLOW
        while ethertype == 0x8100 or ethertype == 0x88A8:
            tags += 1
            if at + 4 > length or tags > MAX_TAGS:
                return SLOW
            ethertype = u16(frame + at + 2)
            at += 4
        if ethertype == ETHERTYPE_IPV4:
            return self.ipv4(frame, at, length, segment, key, ts_us)
        if ethertype == ETHERTYPE_IPV6:
            return self.ipv6(frame, at, length, segment, key, ts_us)
        return IGNORE if ethertype == ETHERTYPE_ARP else SLOW

    cdef int ipv4(
        self, const uint8_t* frame, int at, int length, Segment* segment, uint8_t* key, int64_t ts_us
    ) except -1:
        cdef const uint8_t* ip = frame + at
        cdef int header, total, protocol, i
        if length - at < 20:
            return SLOW
        header = (ip[0] & 15) * 4
        total = u16(ip + 2)
        protocol = ip[9]
        if ip[0] >> 4 != 4 or header < 20 or total < header or header > length - at:
            return SLOW
        if u16(ip + 6) & 0x3FFF:
            return SLOW
        segment.is_cut = total > length - at
        segment.ttl = ip[8]
        segment.ip_df = (ip[6] & 0x40) != 0
        segment.ip_id = <uint16_t>u16(ip + 4)
        segment.key_size = 12
        for i in range(8):
            key[i] = ip[12 + i]
        if total > length - at:
            total = length - at
        return self.transport(ip + header, total - header, protocol, segment, key, ts_us)

    cdef int ipv6(
        self, const uint8_t* frame, int at, int length, Segment* segment, uint8_t* key, int64_t ts_us
    ) except -1:
        cdef const uint8_t* ip = frame + at
        cdef int payload, i
        if length - at < 40 or ip[0] >> 4 != 6:
            return SLOW
        payload = u16(ip + 4)
        if payload == 0:
            return SLOW
        segment.is_cut = payload > length - at - 40
        segment.ttl = ip[7]
        segment.ip_df = False
        segment.ip_id = 0
        segment.key_size = 36
        for i in range(32):
            key[i] = ip[8 + i]
        if payload > length - at - 40:
            payload = length - at - 40
        return self.transport(ip + 40, payload, ip[6], segment, key, ts_us)

    cdef int transport(
        self, const uint8_t* at, int size, int protocol, Segment* segment, uint8_t* key, int64_t ts_us
    ) except -1:
        cdef int header, i, ports = segment.key_size - 4
        if protocol == PROTOCOL_TCP:
            if size < 20:
                return SLOW
            header = (at[12] >> 4) * 4
            if header < 20 or header > size:
                return SLOW
            for i in range(4):
                key[ports + i] = at[i]
            segment.seq = u32(at + 4)
            segment.ack = u32(at + 8)
            segment.flags = at[13]
            segment.window = <uint16_t>u16(at + 14)
            segment.options = at + 20
            segment.option_size = header - 20
            segment.payload = at + header
            segment.payload_size = size - header
            return TAKE
        if protocol == PROTOCOL_UDP:
            if size < 8 or self.is_udp_tunnel[u16(at + 2)]:
                return SLOW
            if size > 8 and (at[8] & 0x80 or at[8] == 22):
                return SLOW
            if 0 < u16(at + 4) < 8:
                # Broken: the reference counts it.
                return SLOW
            if self.udp_flows:
                for i in range(4):
                    key[ports + i] = at[i]
                flow = self.udp_flows.get(PyBytes_FromStringAndSize(<const char*>key, segment.key_size))
                if flow is not None:
                    if flow.assembler is not None:
                        return SLOW
                    flow.last_us = ts_us
            return IGNORE
        return IGNORE if protocol == PROTOCOL_ICMP or protocol == PROTOCOL_ICMPV6 else SLOW

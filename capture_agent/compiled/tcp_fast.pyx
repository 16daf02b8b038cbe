# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Ordinary TLS connections in C: SYN, SYN-ACK, ACK, a hello in one to eight segments in order, the end.

`flows.tcp_table` is the reference and holds every other connection. At the first segment that is not
ordinary (out of order, another protocol, a record that does not end with the hello, early data, a
second hello, bytes cut by the snap length) the connection is handed over to it, with all taken so far.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from capture_agent.flows.tcp_table import MAX_INTERVAL_US as interval_bound

from capture_agent.compiled.flow_store cimport (
    AWAITS_HELLO,
    AWAITS_SECOND,
    CLOSED,
    HALF_OPEN,
    MAX_CHUNKS,
    MAX_KEY_BYTES,
    REFERENCE,
    SETTLED,
    Flow,
)
from capture_agent.compiled.hello cimport Hello, read_hello
from capture_agent.compiled.octets cimport u16
from capture_agent.compiled.prints cimport Prints, make_prints
from capture_agent.compiled.skeleton cimport skeleton_of
from capture_agent.compiled.tcp_holdings cimport STREAM_BYTES, UNKNOWN, TcpHoldings

cdef extern from "string.h" nogil:
    void* memchr(const void* octets, int wanted, size_t size)

cdef enum:
    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    ACK = 0x10
    BOTH_FINS = 3
    RECORD_HEADER_BYTES = 5
    MAX_PLAINTEXT_BYTES = 16384

cdef int64_t MAX_INTERVAL_US = interval_bound

cdef Hello _hello
cdef Prints _prints


cdef bint announces_early_data(const uint8_t* message, int size) noexcept nogil:
    """The bytes of an empty early_data extension occur, as `tls_record` looks for them."""
    # By its rarest byte: a hello is full of zeros, and memmem stops at each.
    cdef const uint8_t* end = message + size - 2
    cdef const uint8_t* at = message + 1
    while at < end:
        at = <const uint8_t*>memchr(at, 0x2A, end - at)
        if at == NULL:
            return False
        if (at - 1)[0] == 0 and at[1] == 0 and at[2] == 0:
            return True
        at += 1
    return False


cdef inline bint is_handshake_record(const uint8_t* record, int size) noexcept nogil:
    """A whole header of a handshake record that starts another message than a ClientHello."""
    cdef int length
    if size < 6 or record[0] != 22 or record[1] != 3 or record[5] == 1:
        return False
    length = u16(record + 3)
    return 0 < length <= MAX_PLAINTEXT_BYTES


cdef inline bint is_other_record(const uint8_t* record, int size) noexcept nogil:
    """A whole header of a record after which no second hello can come; early data is the caller's matter."""
    return size >= RECORD_HEADER_BYTES and record[1] == 3 and record[0] != 22 and record[0] != 20


cdef class TcpFast(TcpHoldings):
    """`feed` returns whether it took the segment; if not, the reference has to."""

    cdef bint feed(self, Segment* segment, int64_t ts_us) except -1:
        cdef bint is_client = True
        cdef int index = self.store.find(segment.key, segment.key_size, &is_client)
        cdef Flow* flow
        if segment.flags & SYN and not segment.flags & RST:
            if segment.flags & ACK:
                return self.syn_ack(segment, index, is_client, ts_us)
            return self.syn(segment, index, is_client, ts_us)
        if index == UNKNOWN:
            return self.unknown(segment, ts_us)
        flow = &self.store.flows[index]
        flow.last_us = ts_us
        if flow.state == REFERENCE:
            return False
        if flow.state == CLOSED:
            return True
        if flow.state == HALF_OPEN:
            if segment.flags & RST:
                self.forget(index)
                return True
            if not is_client:
                if segment.payload_size == 0:
                    return True
                self.hand_over(index)
                return False
            if self.store.live - self.store.half_open >= self.max_flows:
                self.evict(False, ts_us)
            self.store.set_state(flow, AWAITS_HELLO)
            flow.next_seq = flow.isn + 1
            if flow.syn_ack_us >= 0 and 0 <= ts_us - flow.syn_ack_us <= MAX_INTERVAL_US:
                flow.rtt_us = ts_us - flow.syn_ack_us
        if flow.state != SETTLED and is_client and (segment.payload_size or segment.is_cut):
            if flow.state == AWAITS_HELLO:
                if not self.hello_part(flow, segment, ts_us):
                    self.hand_over(index)
                    return False
            elif not self.after_hello(flow, segment):
                self.hand_over(index)
                return False
        if segment.flags & (FIN | RST):
            if segment.flags & FIN:
                flow.fins |= 1 if is_client else 2
            if segment.flags & RST or flow.fins == BOTH_FINS:
                if flow.state == AWAITS_HELLO and flow.stream_size:
                    self.hand_over(index)
                    return False
                self.close(index)
        return True

    cdef bint unknown(self, Segment* segment, int64_t ts_us) except -1:
        """A segment of no known connection: only one with data, and not the last, opens one midstream."""
        if segment.flags & (RST | FIN) or not (segment.payload_size or segment.is_cut):
            return True
        self.mark_reference(segment.key, segment.key_size, UNKNOWN, ts_us)
        return False

    cdef bint syn(self, Segment* segment, int index, bint is_client, int64_t ts_us) except -1:
        cdef Flow* flow
        cdef uint32_t closed_sweep = 0
        if index != UNKNOWN:
            flow = &self.store.flows[index]
            if flow.state == REFERENCE:
                # The reference may ignore this segment: its time may keep the entry, never age it.
                flow.last_us = max(flow.last_us, ts_us)
                return False
            if flow.state != CLOSED and is_client and flow.has_isn and flow.isn == segment.seq:
                return True
            if flow.state == AWAITS_HELLO or flow.state == AWAITS_SECOND or (
                flow.state == HALF_OPEN and not is_client
            ):
                self.hand_over(index)
                flow.last_us = max(flow.last_us, ts_us)
                return False
            closed_sweep = flow.closed_sweep
            self.store.remove(index)
        # An acknowledgement number or a sequence number of zero is a quirk that the signature names. Both sides
        # of a connection that may be cleartext HTTP are read by the reference.
        if (
            segment.payload_size or segment.is_cut or segment.ack or not segment.seq or segment.is_tunnelled
            or self.is_cleartext[u16(segment.key + segment.key_size - 2)]
        ):
            self.remember(segment.key, segment.key_size, closed_sweep)
            self.mark_reference(segment.key, segment.key_size, UNKNOWN, ts_us)
            return False
        self.open(segment, ts_us, closed_sweep)
        return True

    cdef int open(self, Segment* segment, int64_t ts_us, uint32_t closed_sweep) except -1:
        cdef Flow* flow
        if self.store.half_open >= self.max_half_open:
            self.evict(True, ts_us)
        flow = &self.store.flows[self.store.add(segment.key, segment.key_size)]
        flow.opened_us = flow.last_us = ts_us
        flow.isn = segment.seq
        flow.has_isn = True
        flow.closed_sweep = closed_sweep
        flow.ttl = segment.ttl
        flow.window = segment.window
        flow.ip_df = segment.ip_df
        flow.ip_id = segment.ip_id
        flow.syn_flags = <uint8_t>segment.flags
        flow.option_size = <uint8_t>segment.option_size
        memcpy(flow.options, segment.options, segment.option_size)
        return 0

    cdef bint syn_ack(self, Segment* segment, int index, bint is_client, int64_t ts_us) except -1:
        cdef uint8_t client_key[MAX_KEY_BYTES]
        cdef Flow* flow
        cdef int size
        if index != UNKNOWN:
            flow = &self.store.flows[index]
            if flow.state == HALF_OPEN and not is_client:
                if flow.syn_ack_us < 0:
                    flow.syn_ack_us = ts_us
                return True
            if flow.state == AWAITS_HELLO or flow.state == AWAITS_SECOND or flow.state == SETTLED:
                return True
            if flow.state != REFERENCE:
                self.hand_over(index)
            # The reference may ignore this segment: its time may keep the entry, never age it.
            flow.last_us = max(flow.last_us, ts_us)
            return False
        size = (segment.key_size - 4) >> 1
        memcpy(client_key, segment.key + size, size)
        memcpy(client_key + size, segment.key, size)
        memcpy(client_key + 2 * size, segment.key + 2 * size + 2, 2)
        memcpy(client_key + 2 * size + 2, segment.key + 2 * size, 2)
        self.mark_reference(client_key, segment.key_size, UNKNOWN, ts_us)
        return False

    cdef bint hello_part(self, Flow* flow, Segment* segment, int64_t ts_us) except -1:
        """A segment of the client before its hello is whole; False if the reference has to judge it."""
        cdef uint32_t behind = flow.next_seq - segment.seq
        cdef const uint8_t* payload = segment.payload
        cdef int size = segment.payload_size
        cdef int record
        if segment.is_cut:
            return False
        if behind:
            return behind < 0x80000000 and behind >= <uint32_t>size
        if flow.stream_size:
            record = u16(flow.stream + 3)
        else:
            if size < 9 or payload[0] != 22 or payload[1] != 3 or payload[5] != 1:
                return False
            record = u16(payload + 3)
            if record > MAX_PLAINTEXT_BYTES or record != 4 + (payload[6] << 16 | u16(payload + 7)):
                return False
        if flow.stream_size + size > RECORD_HEADER_BYTES + record or flow.chunk_count == MAX_CHUNKS:
            return False
        if not flow.stream_size and size == RECORD_HEADER_BYTES + record:
            if not self.report(flow, payload, 1, ts_us):
                return False
            self.store.keep_hello_start(flow, payload, size)
        else:
            if not flow.stream_size:
                flow.begun_us = ts_us
                self.pending_bytes += STREAM_BYTES
                if len(self.pending) >= self.pending_bound:
                    self.drop_done()
                self.pending.append((<int>(flow - self.store.flows), flow.opened_us, ts_us))
            self.store.keep_chunk(flow, payload, size)
            self.pending_bytes += size
            if flow.stream_size == RECORD_HEADER_BYTES + record:
                if not self.report(flow, flow.stream, flow.chunk_count, ts_us):
                    # The reference takes this segment itself.
                    flow.chunk_count -= 1
                    flow.stream_size -= size
                    self.pending_bytes -= size
                    if not flow.stream_size:
                        self.pending_bytes -= STREAM_BYTES
                    return False
                self.pending_bytes -= STREAM_BYTES + flow.stream_size
                self.store.keep_hello_start(flow, flow.stream, flow.stream_size)
        flow.next_seq += size
        if self.pending_bytes > self.max_pending_bytes:
            self.make_room(ts_us)
        return True

    cdef bint report(self, Flow* flow, const uint8_t* record, int segments, int64_t ts_us) except -1:
        """Write the row of a whole hello; False if it is not an ordinary one."""
        cdef const uint8_t* message = record + RECORD_HEADER_BYTES
        cdef int size = u16(record + 3)
        cdef object skeleton = None
        if not read_hello(message, size, &_hello):
            return False
        if self.rows.with_skeleton:
            skeleton = skeleton_of(&_hello)
            if skeleton is None:
                return False
        make_prints(&_hello, b"t", &_prints)
        self.rows.write(flow, ts_us, &_hello, &_prints, skeleton, segments, segments > 1)
        flow.may_send_early_data = announces_early_data(message, size)
        self.store.set_state(flow, AWAITS_SECOND)
        self.hellos += 1
        return True

    cdef bint after_hello(self, Flow* flow, Segment* segment) except -1:
        """The client's next records: all but a second hello end the search."""
        cdef uint32_t behind = flow.next_seq - segment.seq
        cdef const uint8_t* payload = segment.payload
        cdef int size = segment.payload_size
        if segment.is_cut or flow.may_send_early_data:
            return False
        if behind:
            return behind < 0x80000000 and behind >= <uint32_t>size
        if size >= 6 and payload[0] == 20 and payload[1] == 3 and u16(payload + 3) == 1:
            # change_cipher_spec of one byte: what stands behind it decides.
            if size == 6 and flow.chunk_count < MAX_CHUNKS:
                self.store.keep_chunk(flow, payload, size)
                flow.next_seq += size
                return True
            payload += 6
            size -= 6
        if not is_handshake_record(payload, size) and not is_other_record(payload, size):
            return False
        self.store.set_state(flow, SETTLED)
        return True

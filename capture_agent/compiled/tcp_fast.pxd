from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from capture_agent.compiled.flow_store cimport Flow
from capture_agent.compiled.tcp_holdings cimport TcpHoldings

cdef struct Segment:
    const uint8_t* key
    int key_size
    uint32_t seq
    uint32_t ack
    int flags
    uint16_t window
    const uint8_t* options
    int option_size
    const uint8_t* payload
    int payload_size
    uint8_t ttl
    bint ip_df
    uint16_t ip_id
    bint is_cut
    bint is_tunnelled

cdef class TcpFast(TcpHoldings):
    cdef bint feed(self, Segment* segment, int64_t ts_us) except -1
    cdef bint syn(self, Segment* segment, int index, bint is_client, int64_t ts_us) except -1
    cdef bint syn_ack(self, Segment* segment, int index, bint is_client, int64_t ts_us) except -1
    cdef bint unknown(self, Segment* segment, int64_t ts_us) except -1
    cdef int open(self, Segment* segment, int64_t ts_us, uint32_t closed_sweep) except -1
    cdef bint hello_part(self, Flow* flow, Segment* segment, int64_t ts_us) except -1
    cdef bint after_hello(self, Flow* flow, Segment* segment) except -1
    cdef bint report(self, Flow* flow, const uint8_t* record, int segments, int64_t ts_us) except -1

from libc.stdint cimport int64_t, uint8_t, uint32_t

from capture_agent.compiled.flow_store cimport Flow, FlowStore
from capture_agent.compiled.row_json cimport RowWriter

cdef enum:
    UNKNOWN = -1
    # What a begun hello takes besides its bytes; equal to that of flows.stream_budget.
    STREAM_BYTES = 2048

cdef class TcpHoldings:
    cdef FlowStore store
    cdef readonly RowWriter rows
    cdef object table
    cdef object limits
    cdef int max_flows
    cdef int max_half_open
    cdef bint is_cleartext[65536]
    cdef int64_t swept_us
    cdef uint32_t sweeps
    cdef int* closed
    cdef int64_t* closed_us
    cdef int closed_at
    cdef int64_t pending_bytes
    cdef int64_t max_pending_bytes
    cdef object pending
    cdef Py_ssize_t pending_bound
    cdef list events
    cdef readonly long hellos
    cdef readonly long evicted
    cdef int close(self, int index) except -1
    cdef inline bint is_remembered(self, uint32_t closed_sweep) noexcept nogil
    cdef void forget(self, int index) noexcept nogil
    cdef int remember(self, const uint8_t* key, int key_size, uint32_t closed_sweep) except -1
    cdef int hand_over(self, int index) except -1
    cdef int mark_reference(self, const uint8_t* key, int key_size, int index, int64_t ts_us) except -1
    cdef int evict(self, bint half_open, int64_t ts_us) except -1
    cdef int sweep(self, int64_t now_us) except -1
    cdef int make_room(self, int64_t ts_us) except -1
    cdef int give_up(self, int index, int64_t now_us) except -1
    cdef int drop_done(self) except -1
    cdef bint is_pending(self, tuple entry) except -1

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The connections that the fast path holds, and how they leave it: to the reference, by age, for want of room."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcpy

from collections import deque

from capture_agent.fingerprint.tcp_syn import SynFacts
from capture_agent.flows.handover import HandedOver, adopt, maybe_release, remember_closed, stop_waiting
from capture_agent.flows.limits import PART_FLOWS

from capture_agent.compiled.flow_store cimport (
    AWAITS_HELLO,
    AWAITS_SECOND,
    CLOSED,
    HALF_OPEN,
    HELLO_START_BYTES,
    REFERENCE,
    SETTLED,
    Flow,
    FlowStore,
)
from capture_agent.compiled.row_json cimport RowWriter

cdef enum:
    EVICTED_SHARE = 32
    MAX_CLOSED = 16384
    MIN_PENDING_BOUND = 4096


cdef class TcpHoldings:
    """The store, what is pending in it, and the reference that takes connections over."""

    def __init__(self, table, limits, RowWriter rows not None):
        self.store = FlowStore()
        self.rows = rows
        self.table = table
        self.limits = limits
        self.max_flows = limits.max_flows
        self.max_half_open = limits.max_half_open
        for port in limits.cleartext_ports:
            self.is_cleartext[port] = True
        self.swept_us = UNKNOWN
        self.pending = deque()
        self.pending_bytes = 0
        self.max_pending_bytes = limits.max_buffered_bytes
        self.pending_bound = MIN_PENDING_BOUND
        self.hellos = self.evicted = 0
        self.events = []
        self.closed_at = 0
        self.sweeps = 1

    def __cinit__(self):
        cdef int i
        self.closed = <int*>malloc(MAX_CLOSED * sizeof(int))
        self.closed_us = <int64_t*>malloc(MAX_CLOSED * sizeof(int64_t))
        if self.closed == NULL or self.closed_us == NULL:
            raise MemoryError
        for i in range(MAX_CLOSED):
            self.closed[i] = UNKNOWN

    def __dealloc__(self):
        free(self.closed)
        free(self.closed_us)

    cdef int close(self, int index) except -1:
        """Keep a closed flow for its stray segments for two sweeps, as `RecentKeys` does, or until MAX_CLOSED
        others have closed after it."""
        cdef int oldest = self.closed[self.closed_at]
        cdef Flow* flow
        if oldest != UNKNOWN:
            flow = &self.store.flows[oldest]
            if flow.is_live and flow.state == CLOSED and flow.opened_us == self.closed_us[self.closed_at]:
                self.store.remove(oldest)
        flow = &self.store.flows[index]
        self.store.set_state(flow, CLOSED)
        flow.closed_sweep = self.sweeps
        self.closed[self.closed_at] = index
        self.closed_us[self.closed_at] = flow.opened_us
        self.closed_at = (self.closed_at + 1) % MAX_CLOSED
        return 0

    cdef inline bint is_remembered(self, uint32_t closed_sweep) noexcept nogil:
        """A connection on these ports closed within the last two sweeps."""
        return closed_sweep != 0 and self.sweeps - closed_sweep < 2

    cdef void forget(self, int index) noexcept nogil:
        """Drop a flow, but not the memory that an earlier one on its ports has just closed."""
        cdef Flow* flow = &self.store.flows[index]
        if self.is_remembered(flow.closed_sweep):
            self.store.set_state(flow, CLOSED)
        else:
            self.store.remove(index)

    cdef int remember(self, const uint8_t* key, int key_size, uint32_t closed_sweep) except -1:
        """Tell the reference of a closed connection before it takes these ports over."""
        if self.is_remembered(closed_sweep):
            remember_closed(
                self.table, PyBytes_FromStringAndSize(<const char*>key, key_size), self.sweeps == closed_sweep
            )
        return 0

    cdef int mark_reference(self, const uint8_t* key, int key_size, int index, int64_t ts_us) except -1:
        """From now on the reference gets every segment of this connection."""
        cdef Flow* flow
        if index == UNKNOWN:
            if self.store.live - self.store.half_open >= self.max_flows:
                self.evict(False, ts_us)
            index = self.store.add(key, key_size)
        flow = &self.store.flows[index]
        flow.last_us = ts_us
        if flow.state == AWAITS_HELLO and flow.stream_size:
            self.pending_bytes -= STREAM_BYTES + flow.stream_size
        self.store.set_state(flow, REFERENCE)
        return 0

    cdef int hand_over(self, int index) except -1:
        cdef Flow* flow = &self.store.flows[index]
        cdef bint is_v4 = flow.key_size == 12
        cdef bint has_hello = flow.state == AWAITS_SECOND
        cdef int at_first = HELLO_START_BYTES if has_hello else 0
        cdef int i, at = at_first
        cdef list chunks = []
        self.remember(flow.key, flow.key_size, flow.closed_sweep)
        for i in range(flow.chunk_count):
            chunks.append(PyBytes_FromStringAndSize(<const char*>flow.stream + at, flow.chunk_sizes[i]))
            at += flow.chunk_sizes[i]
        if flow.state != CLOSED:
            adopt(
                self.table,
                HandedOver(
                    PyBytes_FromStringAndSize(<const char*>flow.key, flow.key_size),
                    flow.opened_us,
                    flow.isn,
                    SynFacts(
                        flow.ttl,
                        flow.window,
                        PyBytes_FromStringAndSize(<const char*>flow.options, flow.option_size),
                        bool(flow.ip_df) if is_v4 else None,
                        flow.ip_id if is_v4 else None,
                        False,
                        flow.syn_flags,
                        flow.isn,
                        0,
                    ),
                    flow.syn_ack_us if flow.syn_ack_us >= 0 else None,
                    flow.state != HALF_OPEN,
                    flow.rtt_us if flow.rtt_us >= 0 else None,
                    chunks,
                    flow.begun_us,
                    flow.last_us,
                    flow.fins,
                    flow.hello_bytes if has_hello else 0,
                    PyBytes_FromStringAndSize(<const char*>flow.stream, at_first),
                    bool(flow.may_send_early_data),
                ),
                self.events,
            )
        return self.mark_reference(flow.key, flow.key_size, index, flow.last_us)

    def take_back(self, bytes flow_key not None):
        """After the reference took a segment: connections that it has searched to the end return."""
        cdef bint is_client = True
        cdef int index
        cdef Flow* flow
        released = maybe_release(self.table, flow_key)
        if released is None:
            return
        client_key, isn, fins, last_us = released
        index = self.store.find(<const uint8_t*><char*>client_key, len(client_key), &is_client)
        if index == UNKNOWN:
            return
        flow = &self.store.flows[index]
        if not is_client:
            memcpy(flow.key, <const uint8_t*><char*>client_key, len(client_key))
        flow.has_isn = isn is not None
        if isn is not None:
            flow.isn = isn
        flow.fins = fins
        flow.last_us = last_us
        self.store.set_state(flow, SETTLED)

    def advance(self, int64_t now_us):
        """Let time pass: overdue hellos go to the reference, which gives them up; idle flows are forgotten."""
        cdef int64_t overdue = now_us - <int64_t>self.limits.hello_us
        while self.pending and self.pending[0][2] < overdue:
            entry = self.pending.popleft()
            if self.is_pending(entry):
                self.hand_over(entry[0])
        if self.swept_us < 0 or now_us < self.swept_us or now_us - self.swept_us >= self.limits.sweep_us:
            self.sweep(now_us)
            self.swept_us = now_us

    def finish(self, int64_t now_us):
        """The input has ended: hellos that are not whole are given up; yields after some of them."""
        cdef int index, count = 0
        for index in range(self.store.capacity):
            if self.store.flows[index].is_live and self.store.flows[index].state == AWAITS_HELLO:
                if self.store.flows[index].stream_size:
                    self.give_up(index, now_us)
                    count += 1
                    if count % PART_FLOWS == 0:
                        yield
        yield

    cdef int sweep(self, int64_t now_us) except -1:
        cdef int64_t idle = now_us - <int64_t>self.limits.idle_us
        cdef int64_t half_open = now_us - <int64_t>self.limits.half_open_us
        cdef int index
        cdef Flow* flow
        self.sweeps += 1
        for index in range(self.store.capacity):
            flow = &self.store.flows[index]
            if not flow.is_live:
                continue
            if flow.state == HALF_OPEN:
                if flow.opened_us < half_open:
                    self.forget(index)
            elif flow.state == CLOSED:
                self.forget(index)
            elif flow.last_us < idle:
                if flow.state == AWAITS_HELLO and flow.stream_size:
                    self.hand_over(index)
                else:
                    self.forget(index)
        while self.pending and not self.is_pending(self.pending[0]):
            self.pending.popleft()
        return 0

    cdef int give_up(self, int index, int64_t now_us) except -1:
        """Drop a connection whose hello was begun: the reference reports what there was of it."""
        cdef Flow* flow = &self.store.flows[index]
        self.hand_over(index)
        self.table.give_up(
            PyBytes_FromStringAndSize(<const char*>flow.key, flow.key_size), now_us, self.events
        )
        return 0

    cdef int make_room(self, int64_t ts_us) except -1:
        """Begun hellos hold too many bytes: those that were begun first are no longer waited for."""
        cdef bytes key
        cdef int index
        while self.pending_bytes > self.max_pending_bytes and self.pending:
            entry = self.pending.popleft()
            if self.is_pending(entry):
                index = entry[0]
                key = PyBytes_FromStringAndSize(
                    <const char*>self.store.flows[index].key, self.store.flows[index].key_size
                )
                self.hand_over(index)
                stop_waiting(self.table, key, ts_us, self.events)
                self.take_back(key)
        return 0

    cdef int drop_done(self) except -1:
        """Clear the queue of hellos that were finished: it stays in proportion to those that are not."""
        self.pending = deque([entry for entry in self.pending if self.is_pending(entry)])
        self.pending_bound = 2 * len(self.pending) + MIN_PENDING_BOUND
        return 0

    cdef bint is_pending(self, tuple entry) except -1:
        cdef Flow* flow = &self.store.flows[<int>entry[0]]
        return (
            flow.is_live
            and flow.state == AWAITS_HELLO
            and flow.opened_us == <int64_t>entry[1]
            and flow.begun_us == <int64_t>entry[2]
        )

    cdef int evict(self, bint half_open, int64_t ts_us) except -1:
        """Give up the stalest 32nd of the half-open flows, or of the others."""
        cdef int wanted = self.store.half_open if half_open else self.store.live - self.store.half_open
        cdef int64_t* ages
        cdef int64_t limit
        cdef int index, count = 0
        cdef Flow* flow
        if wanted <= 0:
            return 0
        ages = <int64_t*>malloc(wanted * sizeof(int64_t))
        if ages == NULL:
            raise MemoryError
        for index in range(self.store.capacity):
            flow = &self.store.flows[index]
            if flow.is_live and (flow.state == HALF_OPEN) == half_open:
                ages[count] = flow.last_us
                count += 1
        qsort(ages, count, sizeof(int64_t), compare_ages)
        limit = ages[count // EVICTED_SHARE]
        free(ages)
        wanted = count // EVICTED_SHARE + 1
        for index in range(self.store.capacity):
            flow = &self.store.flows[index]
            if wanted and flow.is_live and (flow.state == HALF_OPEN) == half_open and flow.last_us <= limit:
                wanted -= 1
                if flow.state == AWAITS_HELLO and flow.stream_size:
                    self.give_up(index, ts_us)
                self.store.remove(index)
                self.evicted += 1
        return 0


cdef int compare_ages(const void* left, const void* right) noexcept nogil:
    cdef int64_t a = (<const int64_t*>left)[0]
    cdef int64_t b = (<const int64_t*>right)[0]
    return (a > b) - (a < b)

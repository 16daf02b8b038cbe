# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A hash table of TCP flows in C memory: found from either direction, grown on demand, freed as a whole."""

import os

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

cdef enum:
    FIRST_CAPACITY = 4096
    NOTHING = -1


cdef inline uint64_t mixed(uint64_t value) noexcept nogil:
    """Finaliser of splitmix64 (Steele, Lea, Flood 2014)."""
    value ^= value >> 30
    value *= <uint64_t>0xBF58476D1CE4E5B9
    value ^= value >> 27
    value *= <uint64_t>0x94D049BB133111EB
    return value ^ value >> 31


cdef inline uint64_t load64(const uint8_t* at) noexcept nogil:
    cdef uint64_t value
    memcpy(&value, at, 8)
    return value


cdef inline uint32_t load32(const uint8_t* at) noexcept nogil:
    cdef uint32_t value
    memcpy(&value, at, 4)
    return value


cdef inline uint64_t endpoint(const uint8_t* address, int size, const uint8_t* port, uint64_t seed) noexcept nogil:
    """One side of a connection as a number; for IPv4 without loss."""
    cdef uint64_t number = <uint64_t>port[0] << 40 | <uint64_t>port[1] << 32
    if size == 4:
        return number | load32(address)
    return mixed(load64(address) ^ seed) + mixed(load64(address + 8) + seed) ^ number


cdef inline int direction(const uint8_t* key, const uint8_t* other, int key_size) noexcept nogil:
    """1 if `other` is `key`, -1 if it is the key of the opposite direction, 0 if neither."""
    cdef uint64_t hosts
    cdef uint32_t ports
    cdef int size = (key_size - 4) >> 1
    if size == 4:
        hosts, ports = load64(key), load32(key + 8)
        if hosts == load64(other) and ports == load32(other + 8):
            return 1
        return -(
            (hosts << 32 | hosts >> 32) == load64(other) and (ports << 16 | ports >> 16) == load32(other + 8)
        )
    if memcmp(key, other, key_size) == 0:
        return 1
    return -(
        memcmp(key, other + size, size) == 0
        and memcmp(key + size, other, size) == 0
        and memcmp(key + key_size - 4, other + key_size - 2, 2) == 0
        and memcmp(key + key_size - 2, other + key_size - 4, 2) == 0
    )


cdef class FlowStore:
    """Flows by the client's flow key. Indexes stay valid until `remove`; pointers only until `add`."""

    def __cinit__(self):
        self.seed = int.from_bytes(os.urandom(8), "little")
        self.free_index = NOTHING
        self.flows = NULL
        self.heads = NULL
        self.capacity = 0
        self.grow()

    def __dealloc__(self):
        cdef int i
        if self.flows != NULL:
            for i in range(self.capacity):
                free(self.flows[i].stream)
        free(self.flows)
        free(self.heads)

    cdef uint32_t bucket_of(self, const uint8_t* key, int key_size) noexcept nogil:
        """The same for both directions."""
        cdef int size = (key_size - 4) >> 1
        cdef uint64_t low = endpoint(key, size, key + key_size - 4, self.seed)
        cdef uint64_t high = endpoint(key + size, size, key + key_size - 2, self.seed)
        if low > high:
            low, high = high, low
        return <uint32_t>(mixed((low ^ self.seed) * <uint64_t>0x9E3779B97F4A7C15 + high) >> 16)

    cdef int find(self, const uint8_t* key, int key_size, bint* is_client) noexcept nogil:
        """Index of the flow, -1 if it is unknown; `is_client` says whether `key` is the client's direction."""
        cdef uint32_t bucket = self.bucket_of(key, key_size)
        cdef int index = self.heads[bucket & self.mask]
        cdef int side
        cdef Flow* flow
        while index != NOTHING:
            flow = &self.flows[index]
            if flow.bucket == bucket and flow.key_size == key_size:
                side = direction(flow.key, key, key_size)
                if side:
                    is_client[0] = side > 0
                    return index
            index = flow.next_index
        return NOTHING

    cdef int add(self, const uint8_t* key, int key_size) except -1:
        """Index of a new flow, all fields zero but the key."""
        cdef int index
        cdef Flow* flow
        if self.free_index == NOTHING:
            self.grow()
        index = self.free_index
        flow = &self.flows[index]
        self.free_index = flow.next_index
        memset(flow, 0, sizeof(Flow))
        memcpy(flow.key, key, key_size)
        flow.key_size = <uint8_t>key_size
        flow.is_live = True
        flow.state = HALF_OPEN
        flow.syn_ack_us = flow.rtt_us = -1
        flow.bucket = self.bucket_of(key, key_size)
        flow.next_index = self.heads[flow.bucket & self.mask]
        self.heads[flow.bucket & self.mask] = index
        self.live += 1
        self.half_open += 1
        return index

    cdef void remove(self, int index) noexcept nogil:
        """Forget a flow and what it holds."""
        cdef Flow* flow = &self.flows[index]
        cdef int* link = &self.heads[flow.bucket & self.mask]
        while link[0] != index:
            link = &self.flows[link[0]].next_index
        link[0] = flow.next_index
        self.drop_stream(flow)
        if flow.state == HALF_OPEN:
            self.half_open -= 1
        flow.is_live = False
        flow.next_index = self.free_index
        self.free_index = index
        self.live -= 1

    cdef int grow(self) except -1:
        cdef int capacity = self.capacity * 2 if self.capacity else FIRST_CAPACITY
        cdef Flow* flows = <Flow*>realloc(self.flows, capacity * sizeof(Flow))
        cdef int* heads
        cdef int i
        if flows == NULL:
            raise MemoryError
        self.flows = flows
        heads = <int*>malloc(2 * capacity * sizeof(int))
        if heads == NULL:
            raise MemoryError
        free(self.heads)
        self.heads = heads
        self.mask = 2 * capacity - 1
        memset(heads, 0xFF, 2 * capacity * sizeof(int))
        for i in range(self.capacity):
            if flows[i].is_live:
                flows[i].next_index = heads[flows[i].bucket & self.mask]
                heads[flows[i].bucket & self.mask] = i
        for i in range(capacity - 1, self.capacity - 1, -1):
            flows[i].is_live = False
            flows[i].stream = NULL
            flows[i].next_index = self.free_index
            self.free_index = i
        self.capacity = capacity
        return 0

    cdef int keep_chunk(self, Flow* flow, const uint8_t* payload, int size) except -1:
        """Append a segment's payload; at most MAX_CHUNKS of them, which the caller watches."""
        cdef int needed = flow.stream_size + size
        cdef uint8_t* stream
        if needed > flow.stream_capacity:
            stream = <uint8_t*>realloc(flow.stream, needed)
            if stream == NULL:
                raise MemoryError
            flow.stream = stream
            flow.stream_capacity = needed
        memcpy(flow.stream + flow.stream_size, payload, size)
        flow.stream_size = needed
        flow.chunk_sizes[flow.chunk_count] = size
        flow.chunk_count += 1
        return 0

    cdef int keep_hello_start(self, Flow* flow, const uint8_t* record, int size) except -1:
        """Of a whole hello of `size` bytes keep its version and random only, by which a second one is known."""
        cdef uint8_t* start = <uint8_t*>malloc(HELLO_START_BYTES)
        if start == NULL:
            raise MemoryError
        memcpy(start, record + 9, HELLO_START_BYTES)
        free(flow.stream)
        flow.stream = start
        flow.stream_size = flow.stream_capacity = HELLO_START_BYTES
        flow.chunk_count = 0
        flow.hello_bytes = size
        return 0

    cdef void drop_stream(self, Flow* flow) noexcept nogil:
        free(flow.stream)
        flow.stream = NULL
        flow.stream_size = flow.stream_capacity = 0
        flow.chunk_count = 0

    cdef void set_state(self, Flow* flow, State state) noexcept nogil:
        """Change the state; a flow that is no longer searched gives its bytes back."""
        if flow.state == HALF_OPEN and state != HALF_OPEN:
            self.half_open -= 1
        elif flow.state != HALF_OPEN and state == HALF_OPEN:
            self.half_open += 1
        flow.state = <uint8_t>state
        if state == SETTLED or state == REFERENCE or state == CLOSED:
            self.drop_stream(flow)

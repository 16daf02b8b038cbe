from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    MAX_CHUNKS = 8
    MAX_OPTION_BYTES = 40
    MAX_KEY_BYTES = 36
    HELLO_START_BYTES = 34

# What a flow waits for. REFERENCE: the pure table holds it; CLOSED: only its stray segments are ignored.
cdef enum State:
    HALF_OPEN
    AWAITS_HELLO
    AWAITS_SECOND
    SETTLED
    REFERENCE
    CLOSED

# What every segment looks at stands in the first cache line.
cdef struct Flow:
    uint32_t bucket
    int next_index
    int64_t last_us
    uint8_t key_size
    uint8_t state
    uint8_t fins
    uint8_t is_live
    uint8_t key[MAX_KEY_BYTES]
    uint32_t next_seq
    uint8_t ttl
    uint8_t option_size
    uint8_t chunk_count
    uint8_t syn_flags
    bint ip_df
    bint has_isn
    bint may_send_early_data
    uint16_t window
    uint16_t ip_id
    uint32_t closed_sweep
    uint32_t isn
    int64_t opened_us
    int64_t syn_ack_us
    int64_t rtt_us
    int64_t begun_us
    uint8_t options[MAX_OPTION_BYTES]
    int chunk_sizes[MAX_CHUNKS]
    uint8_t* stream
    int stream_size
    int stream_capacity
    int hello_bytes

cdef class FlowStore:
    cdef Flow* flows
    cdef int* heads
    cdef uint32_t mask
    cdef int capacity
    cdef int free_index
    cdef readonly int live
    cdef readonly int half_open
    cdef uint64_t seed
    cdef int find(self, const uint8_t* key, int key_size, bint* is_client) noexcept nogil
    cdef int add(self, const uint8_t* key, int key_size) except -1
    cdef void remove(self, int index) noexcept nogil
    cdef int grow(self) except -1
    cdef int keep_chunk(self, Flow* flow, const uint8_t* payload, int size) except -1
    cdef int keep_hello_start(self, Flow* flow, const uint8_t* record, int size) except -1
    cdef void drop_stream(self, Flow* flow) noexcept nogil
    cdef uint32_t bucket_of(self, const uint8_t* key, int key_size) noexcept nogil
    cdef void set_state(self, Flow* flow, State state) noexcept nogil

from libc.stdint cimport uint8_t, uint16_t

cdef enum:
    MAX_SUITES = 160
    MAX_EXTENSIONS = 64
    MAX_LIST = 128
    MAX_PROTOCOLS = 16
    TEXT_BYTES = 4096

cdef struct Text:
    int size
    char chars[TEXT_BYTES]

cdef struct Hello:
    const uint8_t* message
    int size
    int legacy_version
    int newest_version
    int suite_count
    uint16_t suites[MAX_SUITES]
    int extension_count
    uint16_t kinds[MAX_EXTENSIONS]
    int bodies[MAX_EXTENSIONS]
    int body_sizes[MAX_EXTENSIONS]
    int group_count
    uint16_t groups[MAX_LIST]
    int scheme_count
    uint16_t schemes[MAX_LIST]
    int formats_at
    int format_count
    int protocol_count
    int protocols[MAX_PROTOCOLS]
    int protocol_sizes[MAX_PROTOCOLS]
    bint sni_present
    int sni_at
    int sni_size
    bint has_grease
    bint has_ech
    bint has_psk
    bint has_early_data
    bint has_pq_group

cdef struct Prints:
    Text ja4
    Text ja4_r
    Text ja4_o
    Text ja4_stable
    Text ja3
    Text ja3_hash
    Text ja3n_hash

cdef bint read_hello(const uint8_t* message, Py_ssize_t size, Hello* hello) noexcept nogil
cdef int make_prints(Hello* hello, char transport_letter, Prints* prints) except -1
cdef object skeleton_of(Hello* hello)

from libc.stdint cimport uint8_t, uint16_t

cdef enum:
    MAX_SUITES = 160
    MAX_EXTENSIONS = 64
    MAX_LIST = 128
    MAX_PROTOCOLS = 16

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


cdef inline bint is_grease(int value) noexcept nogil:
    """0x0a0a, 0x1a1a … 0xfafa (RFC 8701 section 2)."""
    return (value & 0x0F0F) == 0x0A0A and (value >> 8) == (value & 0xFF)


cdef bint read_hello(const uint8_t* message, Py_ssize_t size, Hello* hello) noexcept nogil

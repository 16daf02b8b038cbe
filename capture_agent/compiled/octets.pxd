# Integers as they stand in packets. Inline, so without a module of their own.

from libc.stdint cimport uint8_t, uint32_t


cdef inline int u16(const uint8_t* at) noexcept nogil:
    return at[0] << 8 | at[1]


cdef inline uint32_t u32(const uint8_t* at) noexcept nogil:
    return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]


cdef inline uint32_t u32_little(const uint8_t* at) noexcept nogil:
    return <uint32_t>at[3] << 24 | <uint32_t>at[2] << 16 | <uint32_t>at[1] << 8 | at[0]

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The skeleton of a hello that `read_hello` accepted; the rules live in `capture_agent.fingerprint.skeleton`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t
from libc.string cimport memset

from capture_agent.compiled.hello cimport Hello
from capture_agent.compiled.octets cimport u16


cdef bint blank_key_share(uint8_t* body, int size) noexcept nogil:
    cdef int at = 2, length
    if size < 2:
        return False
    while at < size:
        if at + 4 > size:
            return False
        length = u16(body + at + 2)
        at += 4
        if at + length > size:
            return False
        memset(body + at, 0, length)
        at += length
    return True


cdef bint blank_pre_shared_key(uint8_t* body, int size) noexcept nogil:
    cdef int at = 2, end, length
    if size < 2:
        return False
    end = 2 + u16(body)
    while at < end:
        if at + 2 > size:
            return False
        length = u16(body + at) + 4
        at += 2
        if at + length > size:
            return False
        memset(body + at, 0, length)
        at += length
    if at + 2 > size:
        return False
    at += 2
    while at < size:
        length = body[at]
        at += 1
        if at + length > size:
            return False
        memset(body + at, 0, length)
        at += length
    return True


cdef bint blank_encrypted_client_hello(uint8_t* body, int size) noexcept nogil:
    cdef int length
    if body[0] != 0:
        memset(body + 1, 0, size - 1)
        return True
    if size < 8:
        return False
    body[5] = 0
    length = u16(body + 6)
    if 8 + length + 2 > size:
        return False
    memset(body + 8, 0, length)
    memset(body + 10 + length, 0, size - 10 - length)
    return True


cdef int blank(uint8_t* body, int size, int kind) noexcept nogil:
    """Blank one extension body in place; 0 if only the reference knows how."""
    if size == 0:
        return 1
    if kind == 0x0015 or kind == 0x0023 or kind == 0x000C or kind == 0xFFCE:
        memset(body, 0, size)
    elif kind == 0x002C:
        if size < 2:
            return 0
        memset(body + 2, 0, size - 2)
    elif kind == 0x0036 or kind == 0x0035 or kind == 0xFF01:
        memset(body + 1, 0, size - 1)
    elif kind == 0x0033 or kind == 0x0028:
        return blank_key_share(body, size)
    elif kind == 0x0029:
        return blank_pre_shared_key(body, size)
    elif kind == 0xFE0D:
        return blank_encrypted_client_hello(body, size)
    elif kind == 0x0039 or kind == 0xFFA5:
        return 0
    return 1


cdef object skeleton_of(Hello* hello):
    """The blanked message, or None if only the reference can make it."""
    cdef bytes whole = PyBytes_FromStringAndSize(<const char*>hello.message, hello.size)
    cdef uint8_t* octets = <uint8_t*>PyBytes_AS_STRING(whole)
    cdef int i
    memset(octets + 6, 0, 32)
    memset(octets + 39, 0, octets[38])
    for i in range(hello.extension_count):
        if not blank(octets + hello.bodies[i], hello.body_sizes[i], hello.kinds[i]):
            return None
    return whole

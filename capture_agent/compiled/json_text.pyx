# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A growing buffer of JSON text: numbers, times and strings as msgspec and `sink.encode` write them."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from capture_agent.sink.encode import iso_time

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef enum:
    FIRST_BUFFER_BYTES = 1 << 20
    LONGEST_ESCAPE = 6
    US_PER_S = 1000000

cdef uint64_t EACH = 0x0101010101010101
cdef const char* HEX_DIGITS = b"0123456789abcdef"


cdef inline bint is_plain(const char* at) noexcept nogil:
    """None of eight bytes is a control character, a quote or a backslash.

    Each subtraction borrows into the high bit of a byte that is too small. A byte that is not ASCII has that bit
    already, and is taken for one that needs a look: it costs time and changes nothing.
    """
    cdef uint64_t eight, quotes, backslashes
    memcpy(&eight, at, 8)
    quotes = eight ^ (EACH * c'"')
    backslashes = eight ^ (EACH * c'\\')
    return ((eight | eight - EACH * 0x20 | quotes - EACH | backslashes - EACH) & EACH * 0x80) == 0


cdef class JsonText:
    """What writers of rows have in common. Every `put` but `put_string` needs room that was reserved."""

    def __cinit__(self, *_, **__):
        self.chars = NULL
        self.size = self.capacity = 0
        self.second = -1

    def __dealloc__(self):
        free(self.chars)

    def take(self):
        """The text written since the last call."""
        cdef bytes text = PyBytes_FromStringAndSize(self.chars, self.size)
        self.size = 0
        return text

    cdef int reserve(self, Py_ssize_t more) except -1:
        cdef Py_ssize_t capacity = self.capacity or FIRST_BUFFER_BYTES
        cdef char* chars
        while capacity < self.size + more:
            capacity *= 2
        if capacity > self.capacity:
            chars = <char*>realloc(self.chars, capacity)
            if chars == NULL:
                raise MemoryError
            self.chars = chars
            self.capacity = capacity
        return 0

    cdef void put(self, const char* chars, Py_ssize_t size) noexcept nogil:
        memcpy(self.chars + self.size, chars, size)
        self.size += size

    cdef int put_bytes(self, bytes text) except -1:
        self.put(PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
        return 0

    cdef int put_bool(self, bint value) except -1:
        return self.put_bytes(b"true" if value else b"false")

    cdef int put_int(self, int64_t value) except -1:
        if value < 0:
            self.put_bytes(b"-")
            self.put_uint64(0 - <unsigned long long>value)
        else:
            self.put_uint64(<unsigned long long>value)
        return 0

    cdef void put_uint64(self, unsigned long long value) noexcept nogil:
        cdef char digits[24]
        cdef int at = 24
        while True:
            at -= 1
            digits[at] = <char>(48 + value % 10)
            value //= 10
            if value == 0:
                break
        self.put(digits + at, 24 - at)

    cdef int put_time(self, int64_t ts_us) except -1:
        """ISO 8601 of a time that is not negative; the second is formatted once, its fraction each time."""
        cdef int64_t second = ts_us // US_PER_S
        cdef int fraction = <int>(ts_us % US_PER_S)
        cdef char digits[6]
        cdef int i
        cdef bytes text
        if second != self.second:
            text = iso_time(second * US_PER_S).encode()
            memcpy(self.second_text, PyBytes_AS_STRING(text), 20)
            self.second = second
        self.put(self.second_text, 20)
        for i in range(5, -1, -1):
            digits[i] = <char>(48 + fraction % 10)
            fraction //= 10
        self.put(digits, 6)
        self.put_bytes(b"Z")
        return 0

    cdef int put_string(self, object text) except -1:
        """A JSON string of a str (an enum too), room included. Raises UnicodeEncodeError for a lone surrogate, as msgspec does."""
        cdef Py_ssize_t size = 0, at = 0
        cdef const char* chars = PyUnicode_AsUTF8AndSize(text, &size)
        cdef uint8_t byte
        cdef char* out
        self.reserve(size * LONGEST_ESCAPE + 2)
        out = self.chars + self.size
        out[0] = c'"'
        out += 1
        while at < size:
            if at + 8 <= size and is_plain(chars + at):
                memcpy(out, chars + at, 8)
                out += 8
                at += 8
                continue
            byte = <uint8_t>chars[at]
            at += 1
            if byte >= 0x20 and byte != c'"' and byte != c'\\':
                out[0] = <char>byte
                out += 1
                continue
            out[0] = c'\\'
            out[1] = short_escape(byte)
            out += 2
            if (out - 1)[0] == c'u':
                memcpy(out, b"00", 2)
                out[2] = HEX_DIGITS[byte >> 4]
                out[3] = HEX_DIGITS[byte & 15]
                out += 4
        out[0] = c'"'
        self.size = out + 1 - self.chars
        return 0


cdef inline char short_escape(uint8_t byte) noexcept nogil:
    if byte == c'"' or byte == c'\\':
        return <char>byte
    if byte == 8:
        return c'b'
    if byte == 9:
        return c't'
    if byte == 10:
        return c'n'
    if byte == 12:
        return c'f'
    if byte == 13:
        return c'r'
    return c'u'

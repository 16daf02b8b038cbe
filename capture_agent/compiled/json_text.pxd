from libc.stdint cimport int64_t

cdef class JsonText:
    cdef char* chars
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity
    cdef int64_t second
    cdef char second_text[32]
    cdef int reserve(self, Py_ssize_t more) except -1
    cdef void put(self, const char* chars, Py_ssize_t size) noexcept nogil
    cdef int put_int(self, int64_t value) except -1
    cdef void put_uint64(self, unsigned long long value) noexcept nogil
    cdef int put_bool(self, bint value) except -1
    cdef int put_bytes(self, bytes text) except -1
    cdef int put_time(self, int64_t ts_us) except -1
    cdef int put_string(self, object text) except -1

from libc.stdint cimport int64_t, uint8_t

from capture_agent.compiled.flow_store cimport Flow
from capture_agent.compiled.hello cimport Hello
from capture_agent.compiled.prints cimport Prints
from capture_agent.compiled.texts cimport Text

cdef class RowWriter:
    cdef char* chars
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity
    cdef bytes sensor_json
    cdef bytes conn_name_start
    cdef bytes spec_json
    cdef bint with_skeleton
    cdef dict addresses
    cdef dict syns
    cdef int64_t second
    cdef char second_text[32]
    cdef int reserve(self, Py_ssize_t more) except -1
    cdef void put(self, const char* chars, Py_ssize_t size) noexcept nogil
    cdef int put_int(self, int64_t value) except -1
    cdef int put_bool(self, bint value) except -1
    cdef int put_bytes(self, bytes text) except -1
    cdef void put_text(self, Text* text) noexcept nogil
    cdef int put_conn_id(self, Flow* flow) except -1
    cdef void put_uint64(self, unsigned long long value) noexcept nogil
    cdef int put_address(self, const uint8_t* address, int size) except -1
    cdef int put_time(self, int64_t ts_us) except -1
    cdef int put_syn(self, Flow* flow) except -1
    cdef int write(
        self, Flow* flow, int64_t ts_us, Hello* hello, Prints* prints, object skeleton, int segments,
        bint is_reassembled
    ) except -1
    cdef int write_line(self, bytes line) except -1

from libc.stdint cimport int64_t, uint8_t

from capture_agent.compiled.flow_store cimport Flow
from capture_agent.compiled.hello cimport Hello
from capture_agent.compiled.json_text cimport JsonText
from capture_agent.compiled.prints cimport Prints
from capture_agent.compiled.texts cimport Text

cdef class RowWriter(JsonText):
    cdef bytes sensor_json
    cdef bytes conn_name_start
    cdef bytes spec_json
    cdef bint with_skeleton
    cdef dict addresses
    cdef dict syns
    cdef void put_text(self, Text* text) noexcept nogil
    cdef int put_conn_id(self, Flow* flow) except -1
    cdef int put_address(self, const uint8_t* address, int size) except -1
    cdef int put_syn(self, Flow* flow) except -1
    cdef int write(
        self, Flow* flow, int64_t ts_us, Hello* hello, Prints* prints, object skeleton, int segments,
        bint is_reassembled
    ) except -1
    cdef int write_line(self, bytes line) except -1

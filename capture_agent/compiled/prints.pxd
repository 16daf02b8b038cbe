from capture_agent.compiled.hello cimport Hello
from capture_agent.compiled.texts cimport Text

cdef struct Prints:
    Text ja4
    Text ja4_r
    Text ja4_o
    Text ja4_stable
    Text ja3
    Text ja3_hash
    Text ja3n_hash

cdef int make_prints(Hello* hello, char transport_letter, Prints* prints) except -1

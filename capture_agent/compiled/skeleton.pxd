from capture_agent.compiled.hello cimport Hello

cdef object skeleton_of(Hello* hello)

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""`hello_facts` of `capture_agent.fingerprint`, sooner: the same values and the same errors."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t

from capture_agent.events import Transport
from capture_agent.fingerprint.hello_facts import HelloFacts
from capture_agent.fingerprint.hello_facts import hello_facts as reference_hello_facts

from capture_agent.compiled.hello cimport Hello, read_hello
from capture_agent.compiled.prints cimport Prints, make_prints
from capture_agent.compiled.skeleton cimport skeleton_of
from capture_agent.compiled.texts cimport Text


cdef Hello _hello
cdef Prints _prints


cdef inline str decoded(Text* text):
    return text.chars[: text.size].decode("ascii")


def hello_facts(bytes message not None, transport):
    """As `capture_agent.fingerprint.hello_facts.hello_facts`, values and errors alike."""
    cdef object skeleton
    cdef int i
    if transport is Transport.DTLS or not read_hello(
        <const uint8_t*>PyBytes_AS_STRING(message), len(message), &_hello
    ):
        return reference_hello_facts(message, transport)
    skeleton = skeleton_of(&_hello)
    if skeleton is None:
        return reference_hello_facts(message, transport)
    make_prints(&_hello, b"q" if transport is Transport.QUIC else b"t", &_prints)
    has_name = _hello.sni_at >= 0
    return HelloFacts(
        sni=message[_hello.sni_at : _hello.sni_at + _hello.sni_size].decode("ascii") if has_name else None,
        sni_present=bool(_hello.sni_present),
        sni_is_ip=False if has_name else None,
        alpn=tuple([
            message[_hello.protocols[i] : _hello.protocols[i] + _hello.protocol_sizes[i]].decode("ascii")
            for i in range(_hello.protocol_count)
        ]),
        legacy_version=_hello.legacy_version,
        tls_version=_hello.newest_version,
        ja4=decoded(&_prints.ja4),
        ja4_r=decoded(&_prints.ja4_r),
        ja4_o=decoded(&_prints.ja4_o),
        ja4_stable=decoded(&_prints.ja4_stable),
        ja3=decoded(&_prints.ja3),
        ja3_hash=decoded(&_prints.ja3_hash),
        ja3n_hash=decoded(&_prints.ja3n_hash),
        hello_len=_hello.size,
        hello_skeleton=skeleton,
        has_grease=bool(_hello.has_grease),
        has_ech=bool(_hello.has_ech),
        has_psk=bool(_hello.has_psk),
        has_early_data=bool(_hello.has_early_data),
        has_pq_group=bool(_hello.has_pq_group),
    )

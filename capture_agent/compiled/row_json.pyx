# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Rows of `raw_tls_hellos` as JSON lines, byte for byte what the pure path's encoder writes."""

from binascii import b2a_base64
from hashlib import blake2b

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

import msgspec

from capture_agent.events import FINGERPRINT_SPEC, Transport
from capture_agent.fingerprint.tcp_syn import SynFacts
from capture_agent.flows.tcp_table import MAX_INTERVAL_US as interval_bound
from capture_agent.rows.tls_hello import syn_columns
from capture_agent.wire.address import address_text, mapped

from capture_agent.compiled.flow_store cimport MAX_OPTION_BYTES, Flow
from capture_agent.compiled.hello cimport Hello
from capture_agent.compiled.json_text cimport JsonText
from capture_agent.compiled.octets cimport u16
from capture_agent.compiled.prints cimport Prints
from capture_agent.compiled.texts cimport Text

cdef enum:
    MAX_ROW_BYTES = 32768
    MAX_CACHED = 65536
    TIMESTAMPS_KIND = 8

cdef int64_t MAX_INTERVAL_US = interval_bound

cdef class RowWriter(JsonText):
    """Appends rows to a buffer that `take` empties."""

    def __cinit__(self, str sensor, bint with_skeleton):
        self.sensor_json = b'{"sensor":' + msgspec.json.encode(sensor) + b',"site":"","ts":"'
        self.conn_name_start = sensor.encode() + b"\0" + Transport.TCP.value.encode() + b"\0"
        self.spec_json = b'","fingerprint_spec":' + str(FINGERPRINT_SPEC).encode() + b',"quality":"'
        self.with_skeleton = with_skeleton
        self.addresses = {}
        self.syns = {}

    cdef int write_line(self, bytes line) except -1:
        """Append a row that the pure path encoded."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(line)
        self.reserve(size)
        self.put(PyBytes_AS_STRING(line), size)
        return 0

    cdef void put_text(self, Text* text) noexcept nogil:
        self.put(text.chars, text.size)

    cdef int put_address(self, const uint8_t* address, int size) except -1:
        cdef int i
        cdef bytes key
        cdef object text
        if size == 4:
            for i in range(4):
                if i:
                    self.put_bytes(b".")
                self.put_uint64(address[i])
            return 0
        key = PyBytes_FromStringAndSize(<const char*>address, size)
        text = self.addresses.get(key)
        if text is None:
            if len(self.addresses) >= MAX_CACHED:
                self.addresses.clear()
            text = self.addresses[key] = address_text(mapped(key)).encode()
        return self.put_bytes(text)

    cdef int put_conn_id(self, Flow* flow) except -1:
        """As `flow_events.connection_id`."""
        cdef uint8_t name[44]
        cdef int size = (flow.key_size - 4) >> 1
        cdef int i
        cdef uint8_t* at = name
        cdef bytes digest
        cdef const uint8_t* octets
        cdef unsigned long long number = 0
        for i in range(2):
            if size == 4:
                memcpy(at, b"\0\0\0\0\0\0\0\0\0\0\xff\xff", 12)
                memcpy(at + 12, flow.key + i * 4, 4)
            else:
                memcpy(at, flow.key + i * 16, 16)
            at += 16
        memcpy(at, flow.key + flow.key_size - 4, 4)
        for i in range(8):
            at[4 + i] = <uint8_t>(flow.opened_us >> (56 - 8 * i) & 0xFF)
        digest = blake2b(
            self.conn_name_start + PyBytes_FromStringAndSize(<const char*>name, 44), digest_size=8
        ).digest()
        octets = <const uint8_t*>PyBytes_AS_STRING(digest)
        for i in range(8):
            number = number << 8 | octets[i]
        self.put_uint64(number)
        return 0

    cdef int put_syn(self, Flow* flow) except -1:
        """The columns of the SYN from `tcp_ttl` to `ip_df`, then `ip_id`.

        They depend on the options' layout, not on a clock's value in them, so timestamps are reduced to
        zero or not zero and the text is looked up.
        """
        cdef uint8_t name[7 + MAX_OPTION_BYTES]
        cdef object text
        cdef bytes key
        cdef bint is_v4 = flow.key_size == 12
        memcpy(name + 7, flow.options, flow.option_size)
        reduce_timestamps(name + 7, flow.option_size)
        name[0] = 4 if is_v4 else 6
        name[1] = flow.ttl
        name[2] = <uint8_t>(flow.window >> 8)
        name[3] = <uint8_t>(flow.window & 0xFF)
        name[4] = flow.ip_df
        name[5] = flow.ip_id != 0
        name[6] = flow.syn_flags
        key = PyBytes_FromStringAndSize(<const char*>name, 7 + flow.option_size)
        text = self.syns.get(key)
        if text is None:
            if len(self.syns) >= MAX_CACHED:
                self.syns.clear()
            text = self.syns[key] = syn_text(key)
        self.put_bytes(text)
        if is_v4:
            self.put_uint64(flow.ip_id)
        else:
            self.put_bytes(b"null")
        return 0

    cdef int write(
        self, Flow* flow, int64_t ts_us, Hello* hello, Prints* prints, object skeleton, int segments,
        bint is_reassembled
    ) except -1:
        """One row of a whole hello that starts its stream."""
        cdef int size = (flow.key_size - 4) >> 1
        cdef int i
        self.reserve(MAX_ROW_BYTES + 2 * hello.size + PyBytes_GET_SIZE(self.sensor_json))
        self.put_bytes(self.sensor_json)
        self.put_time(ts_us)
        self.put_bytes(b'","conn_id":')
        self.put_conn_id(flow)
        self.put_bytes(b',"transport":"tcp","src_ip":"')
        self.put_address(flow.key, size)
        self.put_bytes(b'","src_port":')
        self.put_uint64(u16(flow.key + 2 * size))
        self.put_bytes(b',"dst_ip":"')
        self.put_address(flow.key + size, size)
        self.put_bytes(b'","dst_port":')
        self.put_uint64(u16(flow.key + 2 * size + 2))
        self.put_bytes(b',"sni":')
        if hello.sni_at >= 0:
            self.put_bytes(b'"')
            self.put(<const char*>hello.message + hello.sni_at, hello.sni_size)
            self.put_bytes(b'"')
        else:
            self.put_bytes(b"null")
        self.put_bytes(b',"sni_present":')
        self.put_bool(hello.sni_present)
        self.put_bytes(b',"sni_is_ip":')
        self.put_bytes(b"false" if hello.sni_at >= 0 else b"null")
        self.put_bytes(b',"alpn":[')
        for i in range(hello.protocol_count):
            self.put_bytes(b',"' if i else b'"')
            self.put(<const char*>hello.message + hello.protocols[i], hello.protocol_sizes[i])
            self.put_bytes(b'"')
        self.put_bytes(b'],"legacy_version":')
        self.put_uint64(hello.legacy_version)
        self.put_bytes(b',"tls_version":')
        self.put_uint64(hello.newest_version)
        self.put_bytes(b',"ja4":"')
        self.put_text(&prints.ja4)
        self.put_bytes(b'","ja4_r":"')
        self.put_text(&prints.ja4_r)
        self.put_bytes(b'","ja4_o":"')
        self.put_text(&prints.ja4_o)
        self.put_bytes(b'","ja4_stable":"')
        self.put_text(&prints.ja4_stable)
        self.put_bytes(b'","ja3":"')
        self.put_text(&prints.ja3)
        self.put_bytes(b'","ja3_hash":"')
        self.put_text(&prints.ja3_hash)
        self.put_bytes(b'","ja3n_hash":"')
        self.put_text(&prints.ja3n_hash)
        self.put_bytes(self.spec_json)
        self.put_bytes(b"reassembled" if is_reassembled else b"complete")
        self.put_bytes(b'","malformed_reason":null,"malformed_offset":null,"segments":')
        self.put_uint64(segments)
        self.put_bytes(b',"hello_len":')
        self.put_uint64(hello.size)
        if self.with_skeleton:
            self.put_bytes(b',"hello_skeleton":"')
            self.put_bytes(b2a_base64(skeleton, newline=False))
            self.put_bytes(b'"')
        self.put_bytes(b',"has_grease":')
        self.put_bool(hello.has_grease)
        self.put_bytes(b',"has_ech":')
        self.put_bool(hello.has_ech)
        self.put_bytes(b',"has_psk":')
        self.put_bool(hello.has_psk)
        self.put_bytes(b',"has_early_data":')
        self.put_bool(hello.has_early_data)
        self.put_bytes(b',"has_pq_group":')
        self.put_bool(hello.has_pq_group)
        self.put_bytes(
            b',"is_second_hello":false,"is_sslv2_framed":false,"preamble":null,"proxy_src_ip":null,'
            b'"proxy_src_port":null,"proxy_dst_ip":null,"proxy_dst_port":null,"tunnel":null,'
        )
        self.put_syn(flow)
        self.put_bytes(b',"syn_ack_rtt_us":')
        if flow.rtt_us >= 0:
            self.put_int(flow.rtt_us)
        else:
            self.put_bytes(b"null")
        self.put_bytes(b',"syn_to_hello_us":')
        if 0 <= ts_us - flow.opened_us <= MAX_INTERVAL_US:
            self.put_int(ts_us - flow.opened_us)
        else:
            self.put_bytes(b"null")
        self.put_bytes(b"}\n")
        return 0


cdef void reduce_timestamps(uint8_t* options, int size) noexcept nogil:
    """Replace the clock values of a well-formed timestamps option by 0 or 1; stop where the reference stops."""
    cdef int at = 0, length, i
    cdef bint has_value, has_echo
    while at < size:
        if options[at] == 0:
            return
        if options[at] == 1:
            at += 1
            continue
        length = options[at + 1] if at + 1 < size else 0
        if length < 2 or at + length > size:
            return
        if options[at] == TIMESTAMPS_KIND and length == 10:
            has_value = has_echo = False
            for i in range(4):
                has_value = has_value or options[at + 2 + i] != 0
                has_echo = has_echo or options[at + 6 + i] != 0
                options[at + 2 + i] = options[at + 6 + i] = 0
            options[at + 5] = has_value
            options[at + 9] = has_echo
        at += length


def syn_text(bytes key not None):
    """JSON of the SYN's columns up to the value of `ip_id`, computed by the reference."""
    is_v4 = key[0] == 4
    syn = SynFacts(
        key[1],
        key[2] << 8 | key[3],
        key[7:],
        bool(key[4]) if is_v4 else None,
        key[5] if is_v4 else None,
        False,
        key[6],
        1,
        0,
    )
    columns = syn_columns(syn)
    names = ("tcp_ttl", "tcp_window", "tcp_mss", "tcp_wscale", "tcp_options", "tcp_signature", "ip_df")
    text = msgspec.json.encode({name: getattr(columns, name) for name in names})
    return text[1 : len(text) - 1] + b',"ip_id":'

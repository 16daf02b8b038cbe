# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Rows of `raw_http_requests` as JSON lines, byte for byte what the reference writes without the row between.

The reference is `rows.http_request.http_request_row` with `sink.encode.encode_row`. Columns are taken in the
order of `HttpRequest`; one that SOURCES does not name fails the import, and the reference is used.
"""

from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_AsUnsignedLongLong

import msgspec
from msgspec.structs import astuple

from capture_agent.correlate.correlator import JoinedRequest
from capture_agent.correlate.epochs import JoinableHello
from capture_agent.events import HeaderOrderSource, HttpEvent, HttpRequest
from capture_agent.rows import EncodedRequest
from capture_agent.rows.client_names import AS_SEEN
from capture_agent.rows.http_request import MAX_HEADER_NAMES, MAX_REMEMBERED_CHARS, forwarded_for, order_hash
from capture_agent.sink.encode import iso_time

from capture_agent.compiled.json_text cimport JsonText

cdef enum:
    MAX_COLUMNS = 128
    MAX_PLANS = 8192
    MAX_CONFIDENCES = 1024
    MAX_NUMBER_BYTES = 24

cdef enum Kind:
    SENSOR
    SITE
    TIME
    NUMBER
    FRACTION
    TEXT
    CONNECTION
    PEER
    CLIENT
    SCHEME
    ORDER_SOURCE
    FLAG
    TEXTS
    PATH
    QUERY
    NAMES
    NAMES_HASH
    FORWARDED
    HEADER

cdef enum Origin:
    NOWHERE
    OF_EVENT
    OF_JOIN
    OF_HELLO

cdef struct Column:
    Kind kind
    Origin origin
    int place

SOURCES = {
    "sensor": (SENSOR, NOWHERE, None),
    "site": (SITE, NOWHERE, None),
    "ts": (TIME, OF_EVENT, "t_us"),
    "conn_id": (CONNECTION, OF_JOIN, "conn_id"),
    "peer_ip": (PEER, OF_EVENT, "src_ip"),
    "src_port": (NUMBER, OF_EVENT, "src_port"),
    "dst_ip": (TEXT, OF_EVENT, "dst_ip"),
    "dst_port": (NUMBER, OF_EVENT, "dst_port"),
    "client_ip": (CLIENT, OF_EVENT, "useragent_ip"),
    "xff": (FORWARDED, NOWHERE, None),
    "method": (TEXT, OF_EVENT, "method"),
    "scheme": (SCHEME, OF_EVENT, "scheme"),
    "host": (TEXT, OF_EVENT, "host"),
    "path": (PATH, OF_EVENT, "unparsed_uri"),
    "query": (QUERY, OF_EVENT, "unparsed_uri"),
    "protocol": (TEXT, OF_EVENT, "proto"),
    "status": (NUMBER, OF_EVENT, "status"),
    "request_bytes": (NUMBER, OF_EVENT, "request_bytes"),
    "response_bytes": (NUMBER, OF_EVENT, "bytes"),
    "duration_us": (NUMBER, OF_EVENT, "dur_us"),
    "request_seq_on_conn": (NUMBER, OF_JOIN, "seq_on_conn"),
    "header_names": (NAMES, NOWHERE, None),
    "header_order_hash": (NAMES_HASH, NOWHERE, None),
    "header_order_source": (ORDER_SOURCE, OF_EVENT, "header_order_source"),
    "user_agent": (HEADER, NOWHERE, "user-agent"),
    "accept": (HEADER, NOWHERE, "accept"),
    "accept_language": (HEADER, NOWHERE, "accept-language"),
    "accept_encoding": (HEADER, NOWHERE, "accept-encoding"),
    "referer": (HEADER, NOWHERE, "referer"),
    "sec_fetch_site": (HEADER, NOWHERE, "sec-fetch-site"),
    "sec_fetch_mode": (HEADER, NOWHERE, "sec-fetch-mode"),
    "sec_fetch_dest": (HEADER, NOWHERE, "sec-fetch-dest"),
    "sec_fetch_user": (HEADER, NOWHERE, "sec-fetch-user"),
    "sec_ch_ua": (HEADER, NOWHERE, "sec-ch-ua"),
    "sec_ch_ua_mobile": (HEADER, NOWHERE, "sec-ch-ua-mobile"),
    "sec_ch_ua_platform": (HEADER, NOWHERE, "sec-ch-ua-platform"),
    "signature": (HEADER, NOWHERE, "signature"),
    "signature_input": (HEADER, NOWHERE, "signature-input"),
    "signature_agent": (HEADER, NOWHERE, "signature-agent"),
    "cookie_names": (TEXTS, OF_EVENT, "cookie_names"),
    "h2_fingerprint": (TEXT, OF_EVENT, "h2_fingerprint"),
    "join_state": (TEXT, OF_JOIN, "state"),
    "join_candidates": (NUMBER, OF_JOIN, "candidates"),
    "join_confidence": (FRACTION, OF_JOIN, "confidence"),
    "hello_to_request_us": (NUMBER, OF_JOIN, "hello_to_request_us"),
    "ja4": (TEXT, OF_HELLO, "ja4"),
    "ja4_stable": (TEXT, OF_HELLO, "ja4_stable"),
    "ja3_hash": (TEXT, OF_HELLO, "ja3_hash"),
    "sni": (TEXT, OF_HELLO, "sni"),
    "tls_version": (NUMBER, OF_HELLO, "tls_version"),
    "alpn": (TEXTS, OF_HELLO, "alpn"),
    "quality": (TEXT, OF_HELLO, "quality"),
    "has_grease": (FLAG, OF_HELLO, "has_grease"),
    "has_ech": (FLAG, OF_HELLO, "has_ech"),
    "has_psk": (FLAG, OF_HELLO, "has_psk"),
    "has_pq_group": (FLAG, OF_HELLO, "has_pq_group"),
    "tcp_signature": (TEXT, OF_HELLO, "tcp_signature"),
    "tcp_ttl": (NUMBER, OF_HELLO, "tcp_ttl"),
    "tcp_mss": (NUMBER, OF_HELLO, "tcp_mss"),
    "canary_nonce": (TEXT, OF_EVENT, "canary_nonce"),
}
"""Where each column comes from: how it is written, which struct holds it, under which name."""

cdef int HEADERS = HttpEvent.__struct_fields__.index("headers")
cdef int HAS_ALL_NAMES = HttpEvent.__struct_fields__.index("has_all_header_names")
cdef int SRC_IP = HttpEvent.__struct_fields__.index("src_ip")
cdef int STATE = JoinedRequest.__struct_fields__.index("state")
cdef int EVENT = JoinedRequest.__struct_fields__.index("event")
cdef int HELLO = JoinedRequest.__struct_fields__.index("hello")

cdef object encode = msgspec.json.Encoder().encode
cdef str SERVER = HeaderOrderSource.SERVER.value
cdef tuple COLUMN_NAMES = HttpRequest.__struct_fields__
cdef list HEADER_COLUMNS = []
cdef Column columns[MAX_COLUMNS]
cdef list prefixes = []

cdef tuple FIELDS_OF = (
    (), HttpEvent.__struct_fields__, JoinedRequest.__struct_fields__, JoinableHello.__struct_fields__
)


def read_sources():
    """Fill the plan of a row; raises ImportError for a column that this module does not know."""
    if set(SOURCES) != set(COLUMN_NAMES) or len(COLUMN_NAMES) > MAX_COLUMNS:
        raise ImportError(f"http_row_json and HttpRequest differ in {set(SOURCES) ^ set(COLUMN_NAMES)}")
    for number, name in enumerate(COLUMN_NAMES):
        kind, origin, source = SOURCES[name]
        columns[number].kind = kind
        columns[number].origin = origin
        if kind == HEADER:
            columns[number].place = len(HEADER_COLUMNS)
            HEADER_COLUMNS.append(source)
        elif origin != NOWHERE:
            columns[number].place = FIELDS_OF[origin].index(source)
        prefixes.append(f'{"," if number else "{"}"{name}":'.encode())


read_sources()
cdef int COLUMN_COUNT = len(COLUMN_NAMES)
cdef Py_ssize_t FIXED_BYTES = sum(map(len, prefixes)) + COLUMN_COUNT * (MAX_NUMBER_BYTES + 8)


cdef class HeaderPlan:
    """What a list of header names decides."""
    cdef bytes names
    cdef bytes names_hash
    cdef tuple places
    """For each column of HEADER_COLUMNS, where such headers stand, the first one first."""
    cdef tuple forwarded

    def __cinit__(self, tuple names):
        lower = [name.lower() for name in names]
        self.names = encode(names[:MAX_HEADER_NAMES])
        self.names_hash = encode(order_hash(names))
        self.places = tuple([places_of(lower, name) for name in HEADER_COLUMNS])
        self.forwarded = places_of(lower, "x-forwarded-for")


def places_of(list lower, str name):
    """Places of a header among lower-case names."""
    return tuple([place for place, one in enumerate(lower) if one == name])


cdef class HttpRowWriter(JsonText):
    """Writes the row of each joined request whose event is in normal form."""
    cdef bytes sensor_json
    cdef bytes site_json
    cdef object clients
    """None where they are named as they were seen."""
    cdef dict plans
    cdef dict fractions

    def __init__(self, str sensor, str site="", clients=AS_SEEN):
        self.clients = None if clients is AS_SEEN else clients
        self.sensor_json = encode(sensor)
        self.site_json = encode(site)
        self.plans = {}
        self.fractions = {}

    def __call__(self, joined):
        """The row, encoded."""
        cdef tuple join = astuple(joined)
        cdef tuple event = astuple(join[EVENT])
        cdef tuple hello = () if join[HELLO] is None else astuple(join[HELLO])
        cdef tuple headers = event[HEADERS]
        cdef HeaderPlan plan = self.plan_of(headers)
        cdef tuple source
        cdef object value
        cdef Column* column
        cdef int number
        self.size = 0
        for number in range(COLUMN_COUNT):
            column = &columns[number]
            self.reserve(FIXED_BYTES)
            self.put_bytes(prefixes[number])
            value = None
            if column.origin == OF_EVENT:
                value = event[column.place]
            elif column.origin == OF_JOIN:
                value = join[column.place]
            elif column.origin == OF_HELLO and hello:
                value = hello[column.place]
            if column.kind == TEXT:
                self.put_maybe_text(value)
            elif column.kind == NUMBER:
                self.put_maybe_number(value)
            elif column.kind == HEADER:
                self.put_maybe_text(first_value(headers, <tuple>plan.places[column.place]))
            elif column.kind == FLAG:
                self.put_bytes(b"null" if value is None else b"true" if value else b"false")
            elif column.kind == TEXTS:
                self.put_texts(value)
            elif column.kind == SENSOR:
                self.reserve(FIXED_BYTES + len(self.sensor_json))
                self.put_bytes(self.sensor_json)
            elif column.kind == SITE:
                self.reserve(FIXED_BYTES + len(self.site_json))
                self.put_bytes(self.site_json)
            elif column.kind == TIME:
                self.put_ts(value)
            elif column.kind == CONNECTION:
                self.put_maybe_number(value if self.clients is None else self.clients.conn_id(value))
            elif column.kind == PEER or column.kind == CLIENT:
                value = value or event[SRC_IP]
                self.put_string(value if self.clients is None else self.clients.address(value))
            elif column.kind == SCHEME:
                self.put_string(value or "")
            elif column.kind == ORDER_SOURCE:
                self.put_string(value or SERVER)
            elif column.kind == PATH:
                self.put_path(value)
            elif column.kind == QUERY:
                self.put_query(value)
            elif column.kind == NAMES:
                if event[HAS_ALL_NAMES]:
                    self.put_long(plan.names)
                else:
                    self.put_bytes(b"[]")
            elif column.kind == NAMES_HASH:
                self.put_bytes(plan.names_hash if event[HAS_ALL_NAMES] else b"null")
            elif column.kind == FORWARDED:
                value = forwarded_for(first_value(headers, plan.forwarded))
                self.put_texts(value if self.clients is None else self.clients.forwarded(value))
            elif column.kind == FRACTION:
                self.put_bytes(self.fraction(value))
        self.reserve(MAX_NUMBER_BYTES)
        self.put_bytes(b"}\n")
        return EncodedRequest(self.take(), join[STATE])

    cdef HeaderPlan plan_of(self, tuple headers):
        cdef tuple pair
        cdef Py_ssize_t chars = 0
        cdef tuple names = tuple([<object>(<tuple>pair)[0] for pair in headers])
        cdef object plan = self.plans.get(names)
        if plan is not None:
            return plan
        plan = HeaderPlan(names)
        for name in names:
            chars += len(name)
        if chars <= MAX_REMEMBERED_CHARS:
            if len(self.plans) >= MAX_PLANS:
                self.plans.clear()
            self.plans[names] = plan
        return plan

    cdef bytes fraction(self, object value):
        text = self.fractions.get(value)
        if text is None:
            text = encode(value)
            if len(self.fractions) < MAX_CONFIDENCES:
                self.fractions[value] = text
        return text

    cdef int put_long(self, bytes text) except -1:
        self.reserve(len(text))
        return self.put_bytes(text)

    cdef int put_maybe_text(self, object value) except -1:
        if value is None:
            return self.put_bytes(b"null")
        return self.put_string(value)

    cdef int put_maybe_number(self, object value) except -1:
        cdef int overflow = 0
        cdef long long number
        if value is None:
            return self.put_bytes(b"null")
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow:
            self.put_uint64(PyLong_AsUnsignedLongLong(value))
            return 0
        return self.put_int(number)

    cdef int put_texts(self, object values) except -1:
        cdef bint is_first = True
        self.put_bytes(b"[")
        if values:
            for value in <tuple>values:
                if not is_first:
                    self.put_bytes(b",")
                is_first = False
                self.put_string(value)
                self.reserve(MAX_NUMBER_BYTES)
        return self.put_bytes(b"]")

    cdef int put_ts(self, object ts_us) except -1:
        if 0 <= ts_us < 1 << 62:
            self.put_bytes(b'"')
            self.put_time(ts_us)
            return self.put_bytes(b'"')
        return self.put_string(iso_time(ts_us))

    cdef int put_path(self, str target) except -1:
        cdef Py_ssize_t mark = target.find("?")
        return self.put_string(target if mark < 0 else target[:mark])

    cdef int put_query(self, str target) except -1:
        cdef Py_ssize_t mark = target.find("?")
        if mark < 0:
            return self.put_bytes(b"null")
        return self.put_string(target[mark + 1:])


cdef object first_value(tuple headers, tuple places):
    """Of a repeated header the first value that is there."""
    cdef object place
    for place in places:
        value = (<tuple>headers[<Py_ssize_t>place])[1]
        if value is not None:
            return value
    return None

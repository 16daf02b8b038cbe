"""Rows of requests that the compiled writer makes: the reference's bytes, whatever a client sends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.correlate.correlator import JoinedRequest
from capture_agent.correlate.epochs import JoinableHello
from capture_agent.events import HeaderOrderSource, HttpEvent, JoinState, Quality
from capture_agent.rows.client_names import AS_SEEN, ClientNames
from capture_agent.rows.http_request import MAX_HEADER_NAMES, MAX_REMEMBERED_CHARS, http_request_row
from capture_agent.rows.pseudonyms import Pseudonyms
from capture_agent.rows.stored import LAST_US, STORED_HEADERS
from capture_agent.sink.encode import encode_row

http_row_json = pytest.importorskip(
    "capture_agent.compiled.http_row_json",
    reason="the compiled modules are not built, so nothing was compared",
)

HOSTILE = [
    '"',
    "\\",
    "\0",
    "\x1f",
    "\b\t\n\f\r",
    "\x7f",
    "</script>",
    "\u2028",
    "é",
    "🦊",
    "1234567\n",
    "?a=1?b",
]
TEXTS = st.one_of(
    st.text(max_size=40), st.sampled_from(HOSTILE), st.lists(st.sampled_from(HOSTILE)).map("".join)
)
STORED = st.sampled_from(sorted(STORED_HEADERS))
NAMES = st.one_of(STORED, STORED.map(str.title), st.sampled_from([":method", "X-Real-IP", ""]), TEXTS)
COUNTS = st.one_of(st.none(), st.integers(0, 2**63 - 1))
FLAGS = st.one_of(st.none(), st.booleans())
EVENTS = st.builds(
    HttpEvent,
    t_us=st.integers(-10, LAST_US),
    src_ip=st.ip_addresses().map(str),
    src_port=st.integers(0, 65_535),
    dst_ip=st.ip_addresses().map(str),
    dst_port=st.integers(0, 65_535),
    useragent_ip=st.one_of(st.none(), st.just(""), st.ip_addresses().map(str)),
    method=TEXTS,
    unparsed_uri=TEXTS,
    proto=TEXTS,
    status=st.integers(0, 65_535),
    headers=st.lists(st.tuples(NAMES, st.one_of(st.none(), TEXTS)), max_size=12).map(tuple),
    has_all_header_names=st.booleans(),
    scheme=st.one_of(st.none(), TEXTS),
    host=st.one_of(st.none(), TEXTS),
    dur_us=COUNTS,
    request_bytes=COUNTS,
    bytes=COUNTS,
    cookie_names=st.one_of(st.none(), st.lists(TEXTS, max_size=3).map(tuple)),
    header_order_source=st.one_of(st.none(), st.sampled_from(list(HeaderOrderSource))),
    h2_fingerprint=st.one_of(st.none(), TEXTS),
    canary_nonce=st.one_of(st.none(), TEXTS),
)
HELLOS = st.builds(
    JoinableHello,
    ts_us=st.integers(0, LAST_US),
    quality=st.one_of(st.none(), st.sampled_from(list(Quality))),
    ja4=st.one_of(st.none(), TEXTS),
    ja4_stable=st.one_of(st.none(), TEXTS),
    ja3_hash=st.one_of(st.none(), TEXTS),
    sni=st.one_of(st.none(), TEXTS),
    tls_version=st.one_of(st.none(), st.integers(0, 65_535)),
    alpn=st.lists(TEXTS, max_size=3).map(tuple),
    has_grease=FLAGS,
    has_ech=FLAGS,
    has_psk=FLAGS,
    has_pq_group=FLAGS,
    tcp_signature=st.one_of(st.none(), TEXTS),
    tcp_ttl=st.one_of(st.none(), st.integers(0, 255)),
    tcp_mss=st.one_of(st.none(), st.integers(0, 65_535)),
)
JOINS = st.builds(
    JoinedRequest,
    event=EVENTS,
    state=st.sampled_from(list(JoinState)),
    candidates=st.integers(0, 64),
    confidence=st.one_of(st.sampled_from([0.0, 0.9, 1.0]), st.integers(1, 64).map(lambda count: 1 / count)),
    conn_id=st.integers(0, 2**64 - 1),
    seq_on_conn=st.integers(0, 2**32 - 1),
    hello=st.one_of(st.none(), HELLOS),
    hello_to_request_us=st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
)
CLIENTS = st.sampled_from([AS_SEEN, Pseudonyms(bytes(range(32)))])
SENSORS = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=300))


def request(*, headers: list[tuple[str, str | None]], uri: str = "/") -> JoinedRequest:
    event = HttpEvent(
        t_us=1_795_350_390_000_000,
        src_ip="192.0.2.1",
        src_port=40_000,
        dst_ip="198.51.100.1",
        dst_port=443,
        method="GET",
        unparsed_uri=uri,
        proto="HTTP/1.1",
        status=200,
        headers=tuple(headers),
    )
    return JoinedRequest(
        event=event,
        state=JoinState.NO_HELLO,
        candidates=0,
        confidence=0.0,
        conn_id=1,
        seq_on_conn=1,
        hello=None,
        hello_to_request_us=None,
    )


@settings(max_examples=300, deadline=None)
@given(sensor=SENSORS, site=SENSORS, clients=CLIENTS, joined=st.lists(JOINS, min_size=1, max_size=3))
def test_rows_are_the_reference_s_bytes(
    sensor: str, site: str, clients: ClientNames, joined: list[JoinedRequest]
) -> None:
    writer = http_row_json.HttpRowWriter(sensor, site, clients)
    for one in [*joined, *joined]:
        row = writer(one)
        assert row.line == encode_row(http_request_row(one, sensor, site, clients))
        assert row.join_state is one.state


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64), place=st.integers(0, 16)
)
def test_strings_are_escaped_wherever_a_word_of_eight_bytes_begins(text: str, place: int) -> None:
    joined = request(headers=[("User-Agent", "x" * place + text)], uri="/" * place + text)
    assert http_row_json.HttpRowWriter("s")(joined).line == encode_row(http_request_row(joined, "s"))


@pytest.mark.parametrize(
    "headers",
    [
        [(f"X-{number}", "v") for number in range(MAX_HEADER_NAMES + 1)],
        [("N" * (MAX_REMEMBERED_CHARS + 1), None), ("Accept", "*/*")],
        [("Accept", None), ("accept", "first"), ("ACCEPT", "second")],
        [("X-Forwarded-For", ", ".join(f"192.0.2.{number}" for number in range(100)))],
        [("User-Agent", "\0" * 3_000)],
    ],
    ids=["many names", "long name", "repeated header", "many forwarded", "all escaped"],
)
def test_bounds_are_the_reference_s(headers: list[tuple[str, str | None]]) -> None:
    writer = http_row_json.HttpRowWriter("s")
    joined = request(headers=headers)
    assert writer(joined).line == writer(joined).line == encode_row(http_request_row(joined, "s"))


def test_forwarded_addresses_are_the_reference_s_pseudonyms() -> None:
    clients = Pseudonyms(bytes(range(32)))
    joined = request(headers=[("X-Forwarded-For", "198.51.100.7:80, , nobody, [2001:db8::1]")])
    line = http_row_json.HttpRowWriter("s", "", clients)(joined).line
    assert line == encode_row(http_request_row(joined, "s", clients=clients))
    assert b"198.51.100.7" not in line


def test_a_million_byte_target_grows_the_buffer() -> None:
    joined = request(headers=[], uri="/" + "\n" * 1_000_000)
    assert http_row_json.HttpRowWriter("s")(joined).line == encode_row(http_request_row(joined, "s"))


def test_orders_of_names_beyond_what_is_remembered_stay_right() -> None:
    writer = http_row_json.HttpRowWriter("s")
    for number in range(8_200):
        joined = request(headers=[(f"X-{number}", None), ("Accept", str(number))])
        line = writer(joined).line
    assert line == encode_row(http_request_row(joined, "s"))


def test_lone_surrogates_are_refused_as_the_reference_does() -> None:
    joined = request(headers=[("User-Agent", "\ud800")])
    with pytest.raises(UnicodeEncodeError):
        encode_row(http_request_row(joined, "s"))
    with pytest.raises(UnicodeEncodeError):
        http_row_json.HttpRowWriter("s")(joined)

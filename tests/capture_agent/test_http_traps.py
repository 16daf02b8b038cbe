"""Mistakes that other tools made with header fingerprints and joins, each as a request and its row."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.events import HttpEvent, HttpRequest, JoinState
from capture_agent.fingerprint.header_order import header_order_hash
from capture_agent.intake.event_lines import REFUSALS, EventDecoder
from capture_agent.intake.normal_form import MAX_NAME_CHARS, MAX_VALUE_CHARS, NormalForm
from capture_agent.pipeline import Pipeline, PipelineSettings
from capture_agent.rows.http_request import MAX_HEADER_NAMES
from capture_agent.sink.encode import encode_row

START_US = 1_795_350_000_000_000
DECODER = EventDecoder(NormalForm())


def line(**given_fields: Any) -> bytes:
    fields: dict[str, Any] = {
        "t_us": START_US + 5,
        "src_ip": "192.0.2.7",
        "src_port": 40_000,
        "dst_ip": "198.51.100.1",
        "dst_port": 443,
        "method": "GET",
        "unparsed_uri": "/",
        "proto": "HTTP/1.1",
        "status": 200,
        "headers": [],
    }
    return json.dumps(fields | given_fields).encode()


def row_of(**given_fields: Any) -> HttpRequest:
    """The row of an event whose connection the sensor never saw."""
    event = DECODER.decode(line(**given_fields))
    assert isinstance(event, HttpEvent)
    pipeline = Pipeline(PipelineSettings("s", 1))
    pipeline.advance(START_US)
    rows = pipeline.note(event) + pipeline.finish()
    (request,) = [row for row in rows if isinstance(row, HttpRequest)]
    return request


def test_only_the_referer_is_the_referer() -> None:
    row = row_of(headers=[["X-Referer-Hash", "a"], ["Referer-Policy", "b"], ["REFERER", "https://a.test/x"]])
    assert row.referer == "https://a.test/x"
    assert row_of(headers=[["X-Referer-Hash", "a"]]).referer is None


def test_headers_whose_names_begin_with_cookie_stay_in_the_order() -> None:
    names = ["cookie-consent", "Cookie2", "Cookie"]
    row = row_of(headers=[[name, "a=b"] for name in names])
    assert row.header_names == tuple(names)
    assert row.header_order_hash == header_order_hash(tuple(names))
    assert row.cookie_names == ("a",)


def test_cookies_that_http2_split_into_fields_are_one_list() -> None:
    """RFC 9113 section 8.2.3."""
    row = row_of(
        headers=[["cookie", "a=b=c"], ["accept", "*/*"], ["cookie", "d=; e"], ["cookie", " f = g "]],
        proto="HTTP/2.0",
    )
    assert row.cookie_names == ("a", "d", "f")


def test_order_of_names_is_hashed_as_sent_and_never_sorted() -> None:
    one = row_of(headers=[["B", "1"], ["A", "2"]])
    other = row_of(headers=[["A", "2"], ["B", "1"]])
    assert one.header_order_hash != other.header_order_hash
    assert one.header_names == ("B", "A")


def test_behind_another_tls_terminator_there_is_no_hello_and_none_is_invented() -> None:
    """stunnel or HAProxy on the same host: the server's peer is loopback, the hello came from elsewhere."""
    row = row_of(src_ip="127.0.0.1", dst_ip="127.0.0.1", scheme="https", conn_start_us=START_US + 1)
    assert (row.join_state, row.ja4, row.join_confidence) == (JoinState.NO_HELLO, None, 0.0)


@pytest.mark.parametrize("status", [400, 408, 414])
def test_refused_request_without_method_or_target_is_a_row(status: int) -> None:
    row = row_of(status=status, method="", unparsed_uri="", proto="HTTP/1.0")
    assert (row.status, row.method, row.path) == (status, "", "")


def test_client_behind_a_proxy_is_not_the_joins_address() -> None:
    row = row_of(useragent_ip="203.0.113.50", headers=[["X-Forwarded-For", "1.2.3.4, evil"]])
    assert (row.peer_ip, row.client_ip, row.xff) == ("192.0.2.7", "203.0.113.50", ("1.2.3.4", "evil"))


hostile = st.text(max_size=60) | st.sampled_from(
    ["\0", "\r\nX: y", "\ud800", "'; drop table x --", "</script>", "\u202e", "x" * 100_000, "%00", '"', "\\"]
)


@settings(max_examples=150, deadline=None)
@given(
    hostile,
    hostile,
    hostile,
    st.lists(st.tuples(hostile, hostile | st.none()), max_size=5),
    st.integers(-1, 1 << 70),
)
def test_hostile_content_becomes_one_bounded_line_of_json_or_is_refused(
    method: str, target: str, host: str, headers: list[tuple[str, str | None]], number: int
) -> None:
    names = [*headers, ("User-Agent", target), ("Cookie", host), ("X-Forwarded-For", target)]
    try:
        row = row_of(
            method=method, unparsed_uri=target, host=host, headers=names, bytes=number, conn_req=number
        )
    except REFUSALS:
        return
    encoded = encode_row(row)
    assert encoded.count(b"\n") == 1
    stored = json.loads(encoded.decode("utf-8"))
    assert (stored["path"], stored["response_bytes"]) == (row.path, number)
    assert len(row.path) <= MAX_VALUE_CHARS
    assert max(map(len, (row.method, row.host or "", *row.cookie_names))) <= MAX_NAME_CHARS
    assert len(row.header_names) <= MAX_HEADER_NAMES
    assert row.query is None

"""A mapping turns any JSON log into events; what it cannot turn is refused with the reason."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_agent.correlate.correlator import Correlator, CorrelatorLimits
from capture_agent.events import HeaderOrderSource, HttpEvent
from capture_agent.intake.apache_escapes import repair_escapes
from capture_agent.intake.event_lines import REFUSALS
from capture_agent.intake.formats import line_decoder
from capture_agent.intake.mapped_lines import MappedDecoder, time_us
from capture_agent.intake.mapping import FIELDS, READY, TimeUnit, UnusableMapping, load_mapping
from capture_agent.intake.normal_form import NormalForm, UnacceptableEvent
from capture_agent.pipeline import connection_key
from capture_agent.rows.http_request import http_request_row

MINIMAL = """
time = { field = "t", unit = "us", at = "start" }
[fields]
src = "src"
dst = "dst"
"""
LINE = {"t": 1_795_350_390_070_261, "src": "192.0.2.7:40000", "dst": "[2001:db8::1]:443"}

ENVOY_LINE = {
    # Values as Envoy's documentation of command operators describes them; json_format keeps numbers.
    "time": "1795350390.070261",
    "duration_ms": 226,
    "src": "10.0.35.28:41000",
    "dst": "10.0.2.1:443",
    "client_ip": "203.0.113.9",
    "method": "POST",
    "target": "/api/v1/locations",
    "protocol": "HTTP/2",
    "status": 204,
    "tls": "TLSv1.3",
    "host": "locations",
    "request_bytes": 154,
    "response_bytes": 0,
    "connection": 77,
    "user_agent": "nsq2http",
    "accept": None,
    "referer": "-",
}
CADDY_LINE = {
    # Field names and types as a Caddy 2.6.2 wrote them, with the two fields that log_append adds in 2.8.
    "level": "info",
    "ts": 1795362813.6359332,
    "logger": "http.log.access.log0",
    "msg": "handled request",
    "request": {
        "remote_ip": "192.0.2.7",
        "remote_port": "39440",
        "client_ip": "203.0.113.9",
        "proto": "HTTP/2.0",
        "method": "GET",
        "host": "localhost:18443",
        "uri": "/h2?x=1",
        "headers": {
            "User-Agent": ["curl/7.88.1"],
            "Accept": ["a", "b"],
            "Cookie": [],
            "Sec-Fetch-Site": ["none"],
        },
        "tls": {
            "resumed": False,
            "version": 772,
            "cipher_suite": 4865,
            "proto": "h2",
            "server_name": "localhost",
        },
    },
    "duration": 0.00002096,
    "size": 2,
    "status": 200,
    "dst_ip": "198.51.100.1",
    "dst_port": "443",
}


@pytest.fixture
def decoder(tmp_path: Path) -> Callable[[str], MappedDecoder]:
    def build(text: str) -> MappedDecoder:
        path = tmp_path / "mapping.toml"
        path.write_text(text)
        return MappedDecoder(load_mapping(str(path)), NormalForm())

    return build


def decode(name: str, line: dict[str, Any], form: NormalForm | None = None) -> HttpEvent:
    event = line_decoder(name, form or NormalForm()).decode(json.dumps(line).encode())
    assert isinstance(event, HttpEvent)
    return event


def test_envoy() -> None:
    event = decode("envoy", ENVOY_LINE)
    assert (event.t_us, event.dur_us) == (1_795_350_390_070_261, 226_000)
    assert (event.src_ip, event.src_port, event.dst_ip, event.dst_port) == (
        "10.0.35.28",
        41_000,
        "10.0.2.1",
        443,
    )
    assert (event.useragent_ip, event.scheme, event.proto) == ("203.0.113.9", "https", "HTTP/2.0")
    assert (event.status, event.bytes, event.request_bytes, event.conn_seq) == (204, 0, 154, 77)
    assert event.headers == (("user-agent", "nsq2http"),)


def test_envoy_without_tls() -> None:
    assert decode("envoy", {**ENVOY_LINE, "tls": None}).scheme == "http"
    assert decode("envoy", {**ENVOY_LINE, "tls": "-"}).scheme == "http"


def test_caddy_logs_the_end_and_its_headers_have_no_order() -> None:
    event = decode("caddy", CADDY_LINE)
    assert (event.t_us, event.dur_us) == (1_795_362_813_635_933 - 21, 21)
    assert (event.src_ip, event.src_port, event.dst_ip, event.dst_port) == (
        "192.0.2.7", 39_440, "198.51.100.1", 443,
    )  # fmt: skip
    assert (event.scheme, event.useragent_ip) == ("https", "203.0.113.9")
    assert dict(event.headers) == {"user-agent": "curl/7.88.1", "accept": "a, b", "sec-fetch-site": "none"}
    assert not event.has_all_header_names


def test_caddy_without_its_own_address_says_what_is_missing() -> None:
    line = {name: value for name, value in CADDY_LINE.items() if name != "dst_ip"}
    with pytest.raises(UnacceptableEvent, match="dst_ip or dst_port is not there"):
        decode("caddy", line)


def test_event_without_names_becomes_a_row_without_names_and_hash() -> None:
    """A hash over the few values that were logged would look like a client's order."""
    event = decode("envoy", {**ENVOY_LINE, "tls": "-"})
    (joined,) = Correlator(CorrelatorLimits()).request(event, connection_key(event))
    row = http_request_row(joined, "test")
    assert (row.header_names, row.header_order_hash) == ((), None)
    assert row.header_order_source is HeaderOrderSource.SERVER
    assert row.user_agent == "nsq2http"


def test_apaches_escapes_become_the_bytes_they_stand_for() -> None:
    """Apache's ap_escape_logitem writes \\xNN for bytes outside ASCII and controls without a letter."""
    line = rb'{"a":"caf\xc3\xa9 \"q\" \\x41 \x01 \v \n"}'
    assert json.loads(repair_escapes(line)) == {"a": 'café "q" \\x41 \x01 \x0b \n'}


@pytest.mark.parametrize("escape", [rb"\q", rb"\x4", rb"\xzz", b"\\\xff"])
def test_unknown_escape_stays_as_text(escape: bytes) -> None:
    repaired = repair_escapes(b'{"a":"' + escape + b'"}').decode("latin-1")
    assert json.loads(repaired) == {"a": escape.decode("latin-1")}


@given(st.binary(max_size=40))
def test_any_value_that_apache_logs_is_read_back(value: bytes) -> None:
    """The escaping as server/util.c of Apache 2.4 does it: letters for some controls, \\x for other bytes."""
    letters = {8: b"\\b", 10: b"\\n", 13: b"\\r", 9: b"\\t", 11: b"\\v", 34: b'\\"', 92: b"\\\\"}
    logged = b"".join(
        letters.get(byte) or (bytes([byte]) if 32 <= byte < 127 else b"\\x%02x" % byte) for byte in value
    )
    record = MappedDecoder(load_mapping("apache_json"), NormalForm())._record(b'{"a":"' + logged + b'"}')
    try:
        assert record["a"] == value.decode()
    except UnicodeDecodeError:
        assert isinstance(record["a"], str)


def test_apache_line_with_a_broken_request_is_still_a_request() -> None:
    line = {
        "time": "1795350390070261", "duration": "12", "src_ip": "192.0.2.7", "src_port": "40000",
        "dst_ip": "198.51.100.1", "dst_port": "80", "client_ip": "192.0.2.7", "request_line": "\x16\x03\x01",
        "status": "400", "response_bytes": "0", "tls": "-", "user_agent": "-",
    }  # fmt: skip
    event = decode("apache_json", line)
    assert (event.method, event.unparsed_uri, event.proto, event.status) == ("\x16\x03\x01", "", "", 400)
    target = decode("apache_json", {**line, "request_line": "GET /a b HTTP/1.1"})
    assert (target.method, target.unparsed_uri, target.proto) == ("GET", "/a b", "HTTP/1.1")
    assert decode("apache_json", {**line, "request_line": "GET /old"}).unparsed_uri == "/old"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("1795350390.070", "s", 1_795_350_390_070_000),
        (1795350390.070261, "s", 1_795_350_390_070_261),
        ("1795350390070", "ms", 1_795_350_390_070_000),
        (1_795_350_390_070_261, "us", 1_795_350_390_070_261),
        ("1795350390070261000", "ns", 1_795_350_390_070_261),
        ("2026-11-22T14:26:30.070261Z", "iso8601", 1_795_357_590_070_261),
        ("2026-11-22T15:26:30.070+01:00", "iso8601", 1_795_357_590_070_000),
        ("2026-11-22T14:26:30", "iso8601", 1_795_357_590_000_000),
    ],
)
def test_times_of_every_unit(value: object, unit: str, expected: int) -> None:
    """The expected number of the ISO times is `date -u -d … +%s` of GNU coreutils."""
    assert time_us("t", value, TimeUnit(unit)) == expected


@pytest.mark.parametrize(
    "value", [None, "", "yesterday", "nan", float("inf"), True, [], {}, "1e400", 1e302, 10**400, "9" * 400]
)
def test_what_is_no_time_is_refused(value: object) -> None:
    for unit in TimeUnit:
        with pytest.raises(UnacceptableEvent, match="t"):
            time_us("t", value, unit)


def test_names_in_order_carry_the_values_that_are_known(decoder: Callable[[str], MappedDecoder]) -> None:
    text = MINIMAL + '[headers]\nuser-agent = "ua"\n[header_names]\nfield = "names"\norder = "wire"\n'
    event = decoder(text).decode(
        json.dumps({**LINE, "ua": "x", "names": "Host,User-Agent,user-agent"}).encode()
    )
    assert event.headers == (("Host", None), ("User-Agent", "x"), ("user-agent", None))
    assert event.header_order_source is HeaderOrderSource.WIRE
    assert event.dst_ip == "2001:db8::1"


def test_cookie_values_are_gone_and_names_kept(decoder: Callable[[str], MappedDecoder]) -> None:
    event = decoder(MINIMAL + 'cookie = "c"\n').decode(json.dumps({**LINE, "c": "sid=secret; b=2"}).encode())
    assert event.cookie_names == ("sid", "b")
    assert "secret" not in repr(event)


def test_numbered_log_shows_gaps(
    decoder: Callable[[str], MappedDecoder], desk_with: Callable[..., Any]
) -> None:
    desk = desk_with(decoder(MINIMAL + 'source_id = "host"\nsource_seq = "n"\n'))
    for number in (1, 2, 5):
        desk.intake.take(json.dumps({**LINE, "host": "a", "n": number}).encode())
    desk.intake.take(json.dumps({"host": "a", "n": 6}).encode())
    desk.intake.take(json.dumps({**LINE, "host": "a", "n": 7}).encode())
    counts = desk.intake.counts
    assert (counts.events, counts.rejected, counts.lost) == (4, 1, 2)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"src": "nowhere"}, "src is 'nowhere', not ADDRESS:PORT"),
        ({"src": "nowhere:1"}, "src_ip is 'nowhere'"),
        ({"src": "192.0.2.7:99999"}, "src_port is 99999"),
        ({"src": ["192.0.2.7:1"]}, "src is no text"),
        ({"t": "soon"}, "t is 'soon', not a number"),
        ({"dst": ""}, "dst_ip or dst_port is not there"),
    ],
)
def test_line_that_does_not_fit_is_refused_with_the_field(
    decoder: Callable[[str], MappedDecoder], changed: dict[str, object], words: str
) -> None:
    with pytest.raises(UnacceptableEvent, match=words):
        decoder(MINIMAL).decode(json.dumps({**LINE, **changed}).encode())


@given(
    st.dictionaries(
        st.sampled_from(["time", "src", "dst", "duration_ms", "status", "tls", "host", "user_agent"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=5,
        ),
    )
)
def test_values_of_any_type_end_in_an_event_or_a_reason(values: dict[str, Any]) -> None:
    for name in READY:
        with contextlib.suppress(*REFUSALS):
            line = json.dumps({**ENVOY_LINE, **values}).encode()
            assert isinstance(line_decoder(name, NormalForm()).decode(line), HttpEvent)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "missing required field `time`"),
        ('time = "t"', "time"),
        (MINIMAL + 'colour = "c"\n', "unknown colour; there are client_ip"),
        (MINIMAL + '[color]\na = "b"\n', "unknown field `color`"),
        (MINIMAL.replace('"us"', '"hours"'), "Invalid enum value 'hours'"),
        ('duration = { field = "d", unit = "iso8601" }' + MINIMAL, "a duration has a unit"),
        ('header_values = "h"' + MINIMAL + '[headers]\na = "b"\n', "choose headers or header_values"),
        ('base = "apache"' + MINIMAL, "mapping apache: choose nginx"),
        ("= 1", "mapping .*Invalid statement"),
    ],
)
def test_mapping_that_cannot_be_used_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(UnusableMapping, match=words):
        load_mapping(str(path))


def test_mapping_based_on_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(f'base = "{path}"')
    with pytest.raises(UnusableMapping, match="not based on this one"):
        load_mapping(str(path))


def test_missing_mapping_is_named() -> None:
    with pytest.raises(UnusableMapping, match=r"no-such-file\.toml: No such file"):
        load_mapping("no-such-file.toml")


@pytest.mark.parametrize("name", READY)
def test_ready_mapping_reads_fields_that_its_page_logs(project_root: Path, name: str) -> None:
    page = {"apache_json": "apache-log"}.get(name, name)
    text = (project_root / "docs" / "how-to" / f"http-events-from-{page}.md").read_text()
    mapping = load_mapping(name)
    optional = {"request_bytes", "cookie", "header_names"}
    if name != "caddy":
        for path in [*mapping.fields.values(), *mapping.headers.values(), mapping.time.field]:
            assert path in optional or f'"{path}' in text.replace("\\", "") or f"{path}:" in text, path


def test_every_part_is_documented(project_root: Path) -> None:
    text = (project_root / "docs" / "how-to" / "http-events-from-other-servers.md").read_text()
    for name in (*FIELDS, *load_mapping("envoy").__struct_fields__):
        assert f"`{name}`" in text, name

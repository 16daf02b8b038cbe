"""What a visitor typed or was given is in no row unless an operator asked for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import h2.config
import h2.connection
import pytest

from capture_agent import compiled
from capture_agent.agent.composition import normal_form, pipeline_settings
from capture_agent.correlate.correlator import JoinedRequest
from capture_agent.events import HttpEvent, JoinState
from capture_agent.intake.event_lines import EventDecoder
from capture_agent.intake.formats import line_decoder
from capture_agent.pipeline import Pipeline
from capture_agent.rows.client_names import AS_SEEN
from capture_agent.rows.http_request import http_request_row
from capture_agent.settings.loading import UnusableSettings, load_settings
from capture_agent.sink.encode import encode_row
from capture_agent.wire.frame import frame_of

SECRETS = ("s3cret-token", "c00kie-value", "r3ferer-token")
EVENT = {
    "ev": "end",
    "t_us": 1_790_000_000_000_000,
    "src_ip": "192.0.2.1",
    "src_port": 40_000,
    "dst_ip": "203.0.113.80",
    "dst_port": 443,
    "method": "GET",
    "unparsed_uri": f"/reset?token={SECRETS[0]}",
    "proto": "HTTP/1.1",
    "status": 200,
    "headers": [
        ["Host", "shop.test"],
        ["Cookie", f"session={SECRETS[1]}; theme={SECRETS[1]}"],
        ["Referer", f"https://shop.test/login?code={SECRETS[2]}"],
        ["Authorization", f"Bearer {SECRETS[0]}"],
    ],
}


def stored(**given: Any) -> str:
    """The row that is sent for EVENT under these settings, by every writer there is."""
    settings = load_settings(None, given, {})
    event = EventDecoder(normal_form(settings)).decode(json.dumps(EVENT).encode())
    assert isinstance(event, HttpEvent)
    joined = JoinedRequest(event, JoinState.NO_HELLO, 0, 0.0, 1, 1, None, None)
    text = encode_row(http_request_row(joined, "web1")).decode()
    writer = compiled.maybe_http_row_writer("web1")
    if writer is not None:
        assert writer(joined).line.decode() == text
    return text


def test_query_strings_and_cookie_values_are_not_stored_by_default() -> None:
    text = stored()
    assert [secret for secret in SECRETS if secret in text] == []
    row = json.loads(text)
    assert (row["path"], row["query"], row["referer"]) == ("/reset", None, "https://shop.test/login")
    assert row["cookie_names"] == ["session", "theme"], (
        "that there were cookies is a feature; their values are not"
    )


def test_queries_are_stored_when_an_operator_says_so_and_cookie_values_never() -> None:
    row = json.loads(stored(**{"requests.store_query": True}))
    assert row["query"] == f"token={SECRETS[0]}"
    assert row["referer"].endswith(f"?code={SECRETS[2]}")
    assert SECRETS[1] not in json.dumps(row)


@pytest.mark.parametrize("name", ["cookie", "authorization"])
def test_a_header_that_holds_secrets_cannot_be_kept(name: str) -> None:
    with pytest.raises(UnusableSettings, match=f"no column for {name}"):
        load_settings(None, {"requests.kept_headers": [name]}, {})


SECRET = "s3cr3t"
ABSOLUTE = f"http://ann:{SECRET}@shop.test/a;jsessionid={SECRET}?token={SECRET}#access_token={SECRET}"
HEADERS = [
    ("Host", f"ann:{SECRET}@shop.test"),
    ("Cookie", f"sid={SECRET}; {SECRET}"),
    ("cookie", f"theme={SECRET}"),
    ("Authorization", f"Basic {SECRET}"),
    ("Proxy-Authorization", f"Bearer {SECRET}"),
    ("X-Api-Key", SECRET),
    ("Referer", ABSOLUTE),
    ("User-Agent", "curl/8"),
]


def module_line() -> tuple[str, bytes]:
    """As mod_reqin_log reports a request, and more than it would."""
    headers = [list(field) for field in HEADERS]
    event = {**EVENT, "unparsed_uri": ABSOLUTE, "headers": headers, "host": HEADERS[0][1], "args": SECRET}
    return "native", json.dumps(event).encode()


def nginx_line() -> tuple[str, bytes]:
    """As docs/how-to/http-events-from-nginx.md has it, of an operator who logs more than that."""
    line = {
        "time": "1790000000.123",
        "duration": "0.010",
        "src_ip": "192.0.2.1",
        "src_port": "40000",
        "dst_ip": "203.0.113.80",
        "dst_port": "443",
        "client_ip": "192.0.2.1",
        "method": "GET",
        "target": ABSOLUTE,
        "protocol": "HTTP/1.1",
        "status": "200",
        "host": HEADERS[0][1],
        "user_agent": "curl/8",
        "referer": ABSOLUTE,
        "cookie": SECRET,
        "authorization": SECRET,
        "request": f"GET {ABSOLUTE} HTTP/1.1",
    }
    return "nginx", json.dumps(line).encode()


@pytest.fixture(params=["", "1"], ids=["compiled", "pure"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to make rows, as `run` and `replay` put them together."""
    monkeypatch.setenv("JA4_PURE_PYTHON", request.param)


def pipeline(**given: Any) -> Pipeline:
    settings = load_settings(None, given, {})
    return Pipeline(pipeline_settings(settings, 1, AS_SEEN, has_requests=False))


def request_row(lines: Iterator[bytes]) -> dict[str, Any]:
    (row,) = [row for row in map(json.loads, lines) if "path" in row]
    return dict(row)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("reported", [module_line, nginx_line])
@pytest.mark.parametrize("stores_query", [False, True])
def test_reported_request_leaves_its_secrets_behind(
    reported: Callable[[], tuple[str, bytes]], stores_query: bool
) -> None:
    given = {"requests.store_query": stores_query}
    name, line = reported()
    event = line_decoder(name, normal_form(load_settings(None, given, {}))).decode(line)
    assert isinstance(event, HttpEvent)
    one = pipeline(**given)
    row = request_row(map(encode_row, [*one.note(event), *one.finish()]))
    assert (row["path"], row["host"]) == ("http://shop.test/a;jsessionid=", "shop.test")
    wanted = f"token={SECRET}#access_token={SECRET}"
    assert row.pop("query") == (wanted if stores_query else None)
    assert row.pop("referer") == row["path"] + (f"?{wanted}" if stores_query else "")
    assert SECRET not in json.dumps(row)


def http1_bytes() -> tuple[bytes, bytes]:
    fields = "".join(f"{name}: {value}\r\n" for name, value in HEADERS)
    answer = f"HTTP/1.1 200 OK\r\nSet-Cookie: sid={SECRET}\r\nContent-Length: {len(SECRET)}\r\n\r\n{SECRET}"
    return f"GET {ABSOLUTE} HTTP/1.1\r\n{fields}\r\n".encode(), answer.encode()


def http2_bytes() -> tuple[bytes, bytes]:
    """Both directions of HTTP/2 with prior knowledge."""
    client, server = (
        h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=is_client, validate_outbound_headers=False, validate_inbound_headers=False
            )
        )
        for is_client in (True, False)
    )
    client.initiate_connection()
    server.initiate_connection()
    pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", HEADERS[0][1]), (":path", ABSOLUTE)]
    fields = [(name.lower(), value) for name, value in HEADERS[1:]]
    client.send_headers(1, pseudo + fields, end_stream=True)
    sent = client.data_to_send()
    server.receive_data(sent)
    server.send_headers(1, [(":status", "200"), ("set-cookie", f"sid={SECRET}")])
    server.send_data(1, SECRET.encode(), end_stream=True)
    return sent, server.data_to_send()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("spoken", [http1_bytes, http2_bytes])
def test_request_read_off_the_wire_leaves_its_secrets_behind(
    wire: Callable[..., Any], spoken: Callable[[], tuple[bytes, bytes]]
) -> None:
    asked, answered = spoken()
    one = pipeline()
    rows = []
    for at, frame in enumerate(wire().client(asked).server(answered).ends().frames):
        rows += one.feed(frame_of(frame, 1_790_000_000_000_000 + at, 1))
    lines = [encode_row(row) for row in [*rows, *one.finish()]]
    row = request_row(iter(lines))
    assert (row["status"], row["path"], row["host"]) == (200, "http://shop.test/a;jsessionid=", "shop.test")
    assert row["cookie_names"] == ["sid", "theme"]
    assert SECRET.encode() not in b"".join(lines)

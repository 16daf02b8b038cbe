"""HTTP/2 without TLS through Apache: each request is reported once, also one that asked for the upgrade."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_apache import Event, EventReader, PrivateApache, reporting_apache, wait_for

Server = tuple[PrivateApache, EventReader]
SETTLE_S = 0.5
"""Long enough for a second report of a request to come, if there were one."""


@pytest.fixture(scope="module")
def server(module: Path) -> Iterator[Server]:
    with reporting_apache(module) as started:
        yield started


def asked(server: Server, *command: str) -> list[Event]:
    """The events of one request that a client sends with this command."""
    apache, reader = server
    before = len(reader.of_kind("end"))
    url = f"http://127.0.0.1:{apache.port}/index.html"
    subprocess.run([*command, url], check=True, capture_output=True, timeout=20)
    wait_for(lambda: len(reader.of_kind("end")) > before, 5, "the request was not reported")
    time.sleep(SETTLE_S)
    return reader.of_kind("end")[before:]


@pytest.mark.parametrize("how", ["--http2", "--http2-prior-knowledge"])
def test_request_is_reported_once_with_its_outcome(server: Server, how: str) -> None:
    [event] = asked(server, "curl", "-sf", "-o", "/dev/null", how)
    assert (event["proto"], event["status"], event["unparsed_uri"]) == ("HTTP/2.0", 200, "/index.html")
    assert (event["scheme"], event["h2_stream"], event["conn_req"]) == ("http", 1, 1)
    closed = [one for one in server[1].of_kind("close") if one["src_port"] == event["src_port"]]
    assert [one["requests"] for one in closed] in ([], [1])


def test_request_that_is_not_upgraded_is_reported_as_it_is(server: Server) -> None:
    [event] = asked(server, "curl", "-sf", "-o", "/dev/null", "-H", "Upgrade: websocket")
    assert (event["proto"], event["status"], event["conn_req"]) == ("HTTP/1.1", 200, 1)

"""Configuration: defaults are safe, values are checked, the reference names every directive."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from private_apache import HTTPD, PrivateApache, answer_of

from capture_agent.rows.stored import STORED_HEADERS

SECRET = "c0ffee-secret"


def ask(apache: PrivateApache, fields: str) -> None:
    with apache.connect() as connection:
        connection.sendall(
            f"GET /index.html HTTP/1.1\r\nHost: shop.test\r\n{fields}Connection: close\r\n\r\n".encode()
        )
        assert answer_of(connection).startswith(b"HTTP/1.1 200")


def test_client_address_comes_from_mod_remoteip_and_the_peer_stays(start_apache) -> None:
    apache, reader = start_apache(
        directives="RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1"
    )
    ask(apache, "X-Forwarded-For: 192.0.2.1, 198.51.100.77\r\n")
    [event] = reader.requests(1)
    assert (event["src_ip"], event["useragent_ip"]) == ("127.0.0.1", "198.51.100.77")
    # mod_remoteip takes the address out of the table; the wire still has the whole header.
    assert ["X-Forwarded-For", "192.0.2.1, 198.51.100.77"] in event["headers"]


def test_proxy_protocol_does_not_replace_the_peer(start_apache) -> None:
    apache, reader = start_apache(directives="RemoteIPProxyProtocol On")
    with apache.connect() as connection:
        port = connection.getsockname()[1]
        connection.sendall(
            b"PROXY TCP4 198.51.100.77 192.0.2.1 4242 80\r\n"
            b"GET /index.html HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
        )
        assert answer_of(connection).startswith(b"HTTP/1.1 200")
    [event] = reader.requests(1)
    assert (event["src_ip"], event["src_port"], event["useragent_ip"]) == ("127.0.0.1", port, "198.51.100.77")
    assert [name for name, _ in event["headers"]] == ["Host", "Connection"]


def test_configured_credentials_are_still_withheld(start_apache) -> None:
    apache, reader = start_apache(
        directives="ReqinLogHeaders X-Shop authorization Proxy-Authorization COOKIE Set-Cookie\n"
    )
    ask(
        apache,
        f"X-Shop: 7\r\nAuthorization: {SECRET}\r\nProxy-Authorization: {SECRET}\r\n"
        f"User-Agent: a\r\nCookie: a={SECRET}\r\n",
    )
    [event] = reader.requests(1)
    assert [value for _, value in event["headers"] if value is not None] == ["7"]
    assert not any(SECRET.encode() in line for line in reader.lines)
    assert apache.log().count("is never written, the name is ignored") >= 4


def test_cookie_names_connections_and_wire_can_be_switched_off(start_apache) -> None:
    apache, reader = start_apache(
        directives="ReqinLogCookieNames Off\nReqinLogConnections Off\nReqinLogWire Off\nReqinLogHeaders none"
    )
    ask(apache, "Cookie: a=1\r\nX-A: 1\r\nx-b: 1\r\nX-a: 2\r\nUser-Agent: me\r\n")
    [event] = reader.requests(1)
    assert event["cookie_names"] == []
    assert event["header_order_source"] == "server"
    assert all(value is None for _, value in event["headers"])
    assert [name for name, _ in event["headers"]] == [
        "Host",
        "Cookie",
        "X-A",
        "x-b",
        "User-Agent",
        "Connection",
    ]
    assert reader.of_kind("close") == []


def test_server_wide_table_is_read_before_other_modules_change_it(start_apache) -> None:
    apache, reader = start_apache(
        directives="LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so\n"
        "RequestHeader set X-Added 1 early\nRequestHeader unset User-Agent early\nReqinLogWire Off"
    )
    ask(apache, "User-Agent: me\r\n")
    [event] = reader.requests(1)
    assert [name for name, _ in event["headers"]] == ["Host", "User-Agent", "Connection"]


def test_virtual_host_can_be_left_out(start_apache) -> None:
    apache, reader = start_apache(
        directives="ReqinLog Off\n<VirtualHost *>\n  ServerName shop.test\n  ReqinLog On\n</VirtualHost>"
    )
    with apache.connect_tls("http/1.1") as connection:
        connection.sendall(b"GET /index.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        while connection.recv(65_536):
            pass
    ask(apache, "")
    assert [event["dst_port"] for event in reader.requests(1)] == [apache.port]


def test_without_a_socket_the_module_is_idle(module: Path) -> None:
    with PrivateApache(None, directives=f"LoadModule reqin_log_module {module}") as apache:
        ask(apache, "")
        assert "mod_reqin_log: idle, ReqinLogSocket is not set" in apache.log()


@pytest.mark.parametrize(
    ("directive", "complaint"),
    [
        ("ReqinLogBuffer 10", "ReqinLogBuffer takes a number from 131072"),
        ("ReqinLogBuffer 1M", "ReqinLogBuffer takes a number from 131072"),
        ("ReqinLogFlushInterval 0", "ReqinLogFlushInterval takes a number from 1 to 1000"),
        (f"ReqinLogSocket /{'s' * 120}", "a path may have 107 bytes at most"),
        (f"ReqinLogHeaders {' '.join(f'h{number}' for number in range(65))}", "takes 64 names at most"),
        ("<VirtualHost *>\nReqinLogWire Off\n</VirtualHost>", "cannot occur within <VirtualHost> section"),
    ],
)
def test_wrong_values_are_refused_at_start(module: Path, directive: str, complaint: str) -> None:
    apache = PrivateApache(module, directives=directive)
    try:
        outcome = subprocess.run(
            ["/usr/sbin/apache2", "-t", "-f", str(apache.root / "httpd.conf")],
            capture_output=True,
            text=True,
            timeout=20,
        )
    finally:
        apache.__exit__()
    assert outcome.returncode != 0
    assert complaint in outcome.stderr


def test_reference_names_every_directive_and_event_field(project_root: Path) -> None:
    reference = (project_root / "docs" / "reference" / "mod-reqin-log.md").read_text()
    directives = re.findall(r'AP_INIT_\w+\("(\w+)"', (HTTPD / "directives.c").read_text())
    fields = re.findall(r'KEY\(&?\w+, "(\w+)"\)', (HTTPD / "events.c").read_text())
    assert len(directives) == 8
    assert [name for name in directives if f"`{name}`" not in reference] == []
    assert [name for name in fields if f"`{name}`" not in reference] == []


def test_default_headers_are_those_with_a_column() -> None:
    source = (HTTPD / "directives.c").read_text()
    listed = source.partition("default_headers[] = {")[2].partition("}")[0]
    assert set(re.findall(r'"([a-z-]+)"', listed)) == STORED_HEADERS

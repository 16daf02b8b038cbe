"""Real web servers with the log format of their how-to page: the events say what the client did."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from capture_agent.events import HeaderOrderSource, HttpEvent
from capture_agent.intake.event_lines import LineDecoder, read_events
from capture_agent.intake.formats import line_decoder
from capture_agent.intake.limited_report import LimitedReport
from capture_agent.intake.line_intake import LineIntake
from capture_agent.intake.normal_form import NormalForm
from capture_agent.intake.socket_file import SocketAccess
from capture_agent.intake.syslog import SyslogSource

START_S = 10.0
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

AGENT_TEXT = 'caf\u00e9 "q" \\'
REQUEST = (
    b'GET /a?b=1 HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: caf\xc3\xa9 "q" \\\r\n'
    b"Accept: */*\r\nX-Odd: 1\r\n\r\n"
    b"GET /second HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
)


def snippet(page: Path, language: str, number: int = 0) -> str:
    """A fenced block of a page."""
    return [body for found, body in FENCE.findall(page.read_text()) if found == language][number]


def program(name: str) -> str:
    """Path of a server; skips where it is not installed, and says so."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        pytest.skip(f"{name} is not installed, so its log format was not compared with a real one")
    return found


@contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    """A server that listens on a port of loopback."""
    with (folder / "server.out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, env={"HOME": str(folder)})
    try:
        _wait_for(port, process, folder / "server.out")
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(port: int, process: subprocess.Popen[bytes], out: Path) -> None:
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args} does not listen on {port}: {out.read_text(errors='replace')}")


def send(port: int, request: bytes = REQUEST) -> tuple[int, int, int]:
    """Send bytes over one connection and wait for its end; own port, times before and after (us)."""
    before_us = time.time_ns() // 1_000
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        own_port: int = client.getsockname()[1]
        client.sendall(request)
        while client.recv(65_536):
            pass
    return own_port, before_us, time.time_ns() // 1_000


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


@pytest.fixture
def how_to(project_root: Path) -> Path:
    return project_root / "docs" / "how-to"


def events_of(log: Path, decoder: LineDecoder, expected: int = 2) -> list[HttpEvent]:
    """Events of a log that is complete, or will be soon."""
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up:
        if log.exists() and len(log.read_bytes().splitlines()) >= expected:
            break
        time.sleep(0.05)
    bad: list[object] = []
    events = list(read_events(log, decoder, bad.append))
    assert bad == []
    return events


def assert_says_what_was_sent(
    events: list[HttpEvent], port: int, sent: tuple[int, int, int], tick_us: int
) -> None:
    """`tick_us` is the step of the server's clock in its log."""
    own_port, before_us, after_us = sent
    first, second = events
    for event in events:
        assert (event.src_ip, event.src_port) == ("127.0.0.1", own_port)
        assert (event.dst_ip, event.dst_port) == ("127.0.0.1", port)
        assert (event.method, event.proto, event.status) == ("GET", "HTTP/1.1", 200)
        assert (event.scheme, event.useragent_ip) == ("http", "127.0.0.1")
        assert before_us - tick_us <= event.t_us <= after_us
        # A server may log after it closed the connection, which is the last that the client sees.
        assert event.dur_us is not None
        assert event.dur_us < START_S * 1e6
    assert (first.unparsed_uri, second.unparsed_uri) == ("/a?b=1", "/second")
    values = {name.lower(): value for name, value in first.headers if value is not None}
    assert values["user-agent"] == AGENT_TEXT
    assert values["accept"] == "*/*"
    assert "user-agent" not in dict(second.headers)


FORM = NormalForm(stores_query=True)


def nginx_configuration(format_snippet: str, access_log: str, port: int, folder: Path) -> Path:
    path = folder / "nginx.conf"
    path.write_text(
        # Its workers reach the test's folder only as the user who runs the test.
        f"{'user root;' if os.geteuid() == 0 else ''} daemon off; pid {folder}/pid;\n"
        f"error_log stderr; worker_processes 1; events {{}}\n"
        f"http {{ client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};"
        f" uwsgi_temp_path {folder}; scgi_temp_path {folder};\n{format_snippet}\n"
        f"access_log {access_log} ja4;\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ return 200 ok; }} }} }}\n"
    )
    return path


def test_nginx(tmp_path: Path, how_to: Path, port: int) -> None:
    log = tmp_path / "ja4.log"
    page = snippet(how_to / "http-events-from-nginx.md", "nginx")
    configuration = nginx_configuration(page, str(log), port, tmp_path)
    with running([program("nginx"), "-p", str(tmp_path), "-c", str(configuration)], port, tmp_path):
        sent = send(port)
        first, second = events_of(log, line_decoder("nginx", FORM))[-2:]
    assert_says_what_was_sent([first, second], port, sent, 1_000)
    assert not first.has_all_header_names
    assert (first.host, first.conn_req, second.conn_req) == ("shop.test", 1, 2)
    assert first.request_bytes == REQUEST.index(b"GET /second")
    assert first.conn_seq == second.conn_seq
    assert first.conn_start_us is not None
    # The end of the request and its length are both cut to a millisecond.
    assert sent[1] - 2_000 <= first.conn_start_us <= first.t_us


def test_nginx_over_syslog(tmp_path: Path, how_to: Path, port: int) -> None:
    said: list[str] = []
    path = tmp_path / "nginx.sock"
    intake = LineIntake("nginx", line_decoder("nginx", FORM), LimitedReport(said.append, time.monotonic))
    formats = snippet(how_to / "http-events-from-nginx.md", "nginx")
    target = f"syslog:server=unix:{path},nohostname"
    assert "access_log syslog:server=unix:/run/ja4-agent/nginx.sock,nohostname ja4;" in snippet(
        how_to / "http-events-from-nginx.md", "nginx", 2
    )
    configuration = nginx_configuration(formats, target, port, tmp_path)
    source = SyslogSource(path, intake, SocketAccess())
    command = [program("nginx"), "-p", str(tmp_path), "-c", str(configuration)]
    with contextlib.closing(source), running(command, port, tmp_path):
        sent = send(port)
        events: list[HttpEvent] = []
        give_up = time.monotonic() + START_S
        while len(events) < 2 and time.monotonic() < give_up:
            events += source.poll()
    assert_says_what_was_sent(events, port, sent, 1_000)
    assert said == []


def test_apache(tmp_path: Path, how_to: Path, port: int) -> None:
    apache = program("apache2")
    log = tmp_path / "ja4.log"
    page = snippet(how_to / "http-events-from-apache-log.md", "apache")
    page = page.replace("${APACHE_LOG_DIR}", str(tmp_path)).replace(r"\"tls\":\"%{SSL_PROTOCOL}x\",", "")
    modules = "\n".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
        for name in ("mpm_event", "authz_core", "dir")
    )
    configuration = tmp_path / "httpd.conf"
    (tmp_path / "htdocs").mkdir(mode=0o755)
    for name in ("a", "second"):
        (tmp_path / "htdocs" / name).write_text("ok")
    tmp_path.chmod(0o755)
    configuration.write_text(
        f"{modules}\nServerRoot {tmp_path}\nServerName shop.test\nListen 127.0.0.1:{port}\n"
        f"PidFile {tmp_path}/pid\nErrorLog /dev/stderr\nDocumentRoot {tmp_path}/htdocs\n{page}\n"
    )
    with running([apache, "-f", str(configuration), "-DFOREGROUND"], port, tmp_path):
        sent = send(port)
        events = events_of(log, line_decoder("apache_json", FORM))
    events = [event for event in events if event.src_port == sent[0]]
    if any(event.status == 403 for event in events):
        pytest.skip("Apache may not read the test's folder, so it answered 403")
    assert_says_what_was_sent(events, port, sent, 0)
    assert not events[0].has_all_header_names
    assert events[0].host == "shop.test"


def test_caddy(tmp_path: Path, port: int) -> None:
    log = tmp_path / "access.log"
    configuration = tmp_path / "Caddyfile"
    configuration.write_text(
        "{\n\tadmin off\n\tauto_https off\n}\n"
        f"http://:{port} {{\n\tlog {{\n\t\toutput file {log}\n\t}}\n\trespond ok\n}}\n"
    )
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(f'base = "caddy"\n[constants]\ndst_ip = "127.0.0.1"\ndst_port = {port}\n')
    with running([program("caddy"), "run", "--config", str(configuration)], port, tmp_path):
        sent = send(port)
        events = events_of(log, line_decoder(str(mapping), FORM))
    assert_says_what_was_sent(events, port, sent, 1)
    assert not events[0].has_all_header_names
    assert events[0].bytes == len("ok")


def test_haproxy(tmp_path: Path, how_to: Path, port: int) -> None:
    log, socket_path = tmp_path / "log", tmp_path / "log.sock"
    page = snippet(how_to / "http-events-from-haproxy.md", "haproxy")
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(
        f"global\n  log {socket_path} len 16384 format raw local0\n"
        "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n"
        f"frontend f\n  bind 127.0.0.1:{port}\n  log global\n{page}"
        "  http-request return status 200 content-type text/plain string ok\n"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader:
        reader.bind(str(socket_path))
        reader.settimeout(10)
        with running([program("haproxy"), "-f", str(configuration), "-db"], port, tmp_path):
            sent = send(port)
            lines = [reader.recv(65_536)]
            while b"/second" not in lines[-1]:
                lines.append(reader.recv(65_536))
    log.write_bytes(b"".join(lines[-2:]))
    first, second = events_of(log, line_decoder("haproxy", FORM))
    assert_says_what_was_sent([first, second], port, sent, 1_000)
    assert first.has_all_header_names
    assert first.header_order_source is HeaderOrderSource.SERVER
    assert [name for name, _ in first.headers] == ["host", "user-agent", "accept", "x-odd"]

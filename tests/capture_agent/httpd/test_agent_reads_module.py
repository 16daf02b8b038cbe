"""The agent's own socket reader at the other end of the module: nothing is refused, losses are booked."""

from __future__ import annotations

import time
from pathlib import Path

from hpack import Encoder
from http2_client import PREFACE, headers, read_until_end, request_fields, settings, window_update
from private_apache import PrivateApache, answer_of

from capture_agent.events import HeaderOrderSource, HttpEvent
from capture_agent.intake.event_lines import EventDecoder
from capture_agent.intake.limited_report import LimitedReport
from capture_agent.intake.line_intake import LineIntake
from capture_agent.intake.normal_form import NormalForm
from capture_agent.intake.socket_file import SocketAccess
from capture_agent.intake.unix_socket import UnixSocketSource


class Agent:
    """The source as the agent opens it, and what it gave."""

    def __init__(self, path: Path) -> None:
        self.messages: list[str] = []
        self.events: list[HttpEvent] = []
        report = LimitedReport(self.messages.append, time.monotonic)
        self.intake = LineIntake("httpd", EventDecoder(NormalForm()), report)
        self._path = path
        self.source = self.open()

    def open(self) -> UnixSocketSource:
        self.source = UnixSocketSource(self._path, self.intake, SocketAccess(mode=0o666))
        return self.source

    def take(self, count: int) -> list[HttpEvent]:
        """Poll until `count` events have come in all."""
        give_up = time.monotonic() + 5
        while len(self.events) < count and time.monotonic() < give_up:
            self.events += self.source.poll()
            time.sleep(0.01)
        return self.events


def ask(apache: PrivateApache, count: int) -> None:
    one = b"GET /index.html HTTP/1.1\r\nHOST: shop.test\r\nX-\xff: 1\r\nUser-Agent: \xe9\xff\r\n"
    with apache.connect() as connection:
        connection.sendall((one.replace(b"X-\xff: 1\r\n", b"X-A: 1\r\n") + b"\r\n") * (count - 1))
        connection.sendall(one + b"Connection: close\r\n\r\n")
        answer_of(connection)


def test_every_event_is_accepted(module: Path) -> None:
    apache = PrivateApache(module)
    agent = Agent(apache.socket_path)
    with apache:
        ask(apache, 50)
        with apache.connect_tls("h2") as connection:
            fields = request_fields("/index.html?q=1", ("x-b", "1"), ("accept", "*/*"), order="mpsa")
            connection.sendall(PREFACE + settings((2, 0)) + window_update(77) + headers(Encoder(), fields))
            assert read_until_end(connection, 1) == 1
        events = agent.take(51)
        agent.source.close()
    assert len(events) == 51
    assert agent.messages == []
    assert (agent.intake.counts.rejected, agent.intake.counts.lost) == (0, 0)
    [http2] = [event for event in events if event.proto == "HTTP/2.0"]
    http1 = sorted((event for event in events if event is not http2), key=lambda event: event.conn_req or 0)
    assert [name for name, _ in http1[0].headers] == ["HOST", "X-A", "User-Agent"]
    assert dict(http1[0].headers)["User-Agent"] == "\\xe9\\xff"
    assert http1[49].status == 400  # a name that is no token
    assert http2.h2_fingerprint == "2:0|77|0|m,p,s,a"
    assert [name for name, _ in http2.headers] == ["x-b", "accept"]
    assert http2.header_order_source is HeaderOrderSource.WIRE
    assert http2.unparsed_uri == "/index.html"


def test_what_an_ended_agent_left_unread_is_booked_by_the_next(module: Path) -> None:
    apache = PrivateApache(module, directives="ServerLimit 1\nStartServers 1\nReqinLogConnections Off")
    agent = Agent(apache.socket_path)
    with apache:
        ask(apache, 10)
        assert len(agent.take(10)) == 10
        ask(apache, 7)
        time.sleep(0.3)  # written to the socket, not read
        agent.source.close()
        ask(apache, 5)
        agent.open()
        assert len(agent.take(15)) == 15
        agent.source.close()
    assert agent.intake.counts.lost == 7
    assert agent.intake.counts.rejected == 0

"""One connection of the canary: a hello with the connection's label, and requests over HTTP/1.1 or HTTP/2."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import h2.config
import h2.connection
import h2.events
import h2.exceptions

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 1 << 20
"""Read of one answer; of a longer one the rest is left, and the connection with it."""
PATH = "/.well-known/ja4-canary"


class VisitFailed(Exception):  # noqa: N818 - named for the outcome
    """The connection ended before every request was answered; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the canary goes."""

    address: str
    """Name or IP address that is connected to."""
    port: int
    domain: str
    """What follows the label in server name and Host: `<label>.<domain>`."""
    context: ssl.SSLContext


class CanaryConnection:
    """A TLS connection whose server name starts with `label`. Raises OSError if it cannot be made."""

    def __init__(
        self, target: Target, label: str, protocol: str, session: ssl.SSLSession | None = None
    ) -> None:
        self.host = f"{label}.{target.domain}"
        self.session: ssl.SSLSession | None = None
        """For a later connection, once an HTTP/1.1 answer began: TLS 1.3 sends it after the handshake."""
        target.context.set_alpn_protocols([protocol, "http/1.1"] if protocol != "http/1.1" else [protocol])
        plain = socket.create_connection((target.address, target.port), TIMEOUT_S)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._stream = target.context.wrap_socket(plain, server_hostname=self.host, session=session)
        except BaseException:
            plain.close()
            raise

    def __enter__(self) -> CanaryConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    @property
    def is_http2(self) -> bool:
        """The server chose HTTP/2."""
        return self._stream.selected_alpn_protocol() == "h2"

    @property
    def is_resumed(self) -> bool:
        """The server accepted the session of an earlier connection."""
        return bool(self._stream.session_reused)

    def ask(self, user_agents: Sequence[str]) -> int:
        """Send one request for each User-Agent and read the answers; how many came. Raises OSError."""
        return self._ask_http2(user_agents) if self.is_http2 else self._ask_http1(user_agents)

    def _ask_http1(self, user_agents: Sequence[str]) -> int:
        """One after another, as a browser with one connection does; the last one asks to close."""
        client = http.client.HTTPConnection(self.host, timeout=TIMEOUT_S)
        client.auto_open = 0
        client.sock = self._stream
        for answered, user_agent in enumerate(user_agents):
            is_last = answered == len(user_agents) - 1
            headers = {
                "User-Agent": user_agent,
                "Accept": "*/*",
                "Connection": "close" if is_last else "keep-alive",
            }
            try:
                client.request("GET", PATH, headers=headers)
                answer = client.getresponse()
                self.session = self._stream.session
                answer.read(MAX_ANSWER_BYTES)
            except http.client.HTTPException as error:
                raise VisitFailed(f"{answered} of {len(user_agents)} answered: {error!r}") from error
            if not is_last and (answer.will_close or not answer.isclosed()):
                return answered + 1
        return len(user_agents)

    def _ask_http2(self, user_agents: Sequence[str]) -> int:
        """All at once, one stream each."""
        client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        client.initiate_connection()
        for user_agent in user_agents:
            headers = [
                (":method", "GET"),
                (":authority", self.host),
                (":scheme", "https"),
                (":path", PATH),
                ("user-agent", user_agent),
                ("accept", "*/*"),
            ]
            client.send_headers(client.get_next_available_stream_id(), headers, end_stream=True)
        answered = received = 0
        while answered < len(user_agents):
            self._stream.sendall(client.data_to_send())
            octets = self._stream.recv(65_536)
            received += len(octets)
            if not octets or received > MAX_ANSWER_BYTES * len(user_agents):
                break
            try:
                events = client.receive_data(octets)
            except h2.exceptions.ProtocolError as error:
                raise VisitFailed(f"{answered} of {len(user_agents)} answered: {error}") from error
            for event in events:
                answered += isinstance(event, h2.events.StreamEnded)
                if isinstance(event, h2.events.DataReceived):
                    client.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                    raise VisitFailed(f"{answered} of {len(user_agents)} answered: {type(event).__name__}")
        client.close_connection()
        self._stream.sendall(client.data_to_send())
        return answered

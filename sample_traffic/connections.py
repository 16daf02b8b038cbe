"""TLS connections of the sample: their frames go to the capture, their requests to the event log."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from capture_agent.events import HttpEvent
from sample_traffic.addresses import SERVER_V4, SERVER_V6
from sample_traffic.frames import ACK, FIN, PSH, RST, TcpConversation, packed
from sample_traffic.hello_template import HelloTemplate
from sample_traffic.recorded import SERVER_PORT
from sample_traffic.responses import duration_us, response_bytes
from sample_traffic.sample_files import SampleFiles, Truth
from sample_traffic.tcp_stack import TcpStack

Headers = tuple[tuple[str, str | None], ...]

KEEP_ALIVE_US = 65_000_000
"""The server closes a connection that has been idle for so long."""

_FIRST_PORT, _PORTS, _PORT_STRIDE = 32768, 28231, 7
"""Ephemeral ports are walked with a stride; 28231 is prime, so each is used once before one returns."""
_SERVER_TURNAROUND_US = 30


@dataclass(slots=True)
class Client:
    """One TLS client program on one machine behind one address."""

    address: str
    stack: TcpStack
    mss: int
    hops: int
    rtt_us: int
    hellos: tuple[HelloTemplate, ...]
    truth: Truth
    clock: int
    """TCP timestamp at time zero."""

    def hello(self, rng: random.Random, *, has_ticket: bool) -> HelloTemplate:
        """A hello for a new connection; it resumes if there is a ticket and resuming was recorded."""
        wanted = [hello for hello in self.hellos if hello.resumes == has_ticket]
        return rng.choice(wanted or self.hellos)

    @property
    def is_ipv6(self) -> bool:
        """Whether the client came over IPv6."""
        return ":" in self.address


@dataclass(slots=True)
class Server:
    """The web server's side: files, its connection counter and the ports each address has used."""

    files: SampleFiles
    connections: int = 0
    _ports_used: dict[str, int] = field(default_factory=dict)

    def next_connection(self) -> int:
        """Number of a new connection, from 1."""
        self.connections += 1
        return self.connections

    def next_port(self, address: str) -> int:
        """A client port that this address has not used for a long time."""
        first = sum(packed(address)) * 131
        used = self._ports_used.get(address, 0)
        self._ports_used[address] = used + 1
        return _FIRST_PORT + (first + used * _PORT_STRIDE) % _PORTS


class Connection:
    """One connection from SYN to close; the SYN reaches the sensor at `opened_us`."""

    def __init__(
        self,
        server: Server,
        client: Client,
        host: str,
        opened_us: int,
        rng: random.Random,
        *,
        has_ticket: bool = False,
    ) -> None:
        self._server, self._client = server, client
        self.host = host
        self.requests = 0
        self._number = server.next_connection()
        self._port = server.next_port(client.address)
        self._server_address = SERVER_V6 if client.is_ipv6 else SERVER_V4
        self._hello = client.hello(rng, has_ticket=has_ticket)
        self._tcp = TcpConversation(
            client=packed(client.address),
            client_port=self._port,
            server=packed(self._server_address),
            server_port=SERVER_PORT,
            stack=client.stack,
            mss=client.mss,
            hops=client.hops,
            client_seq=rng.getrandbits(32),
            server_seq=rng.getrandbits(32),
            client_clock=client.clock,
            ip_id=rng.getrandbits(16),
        )
        hello_us = self._send_handshake(opened_us, rng)
        self.ready_us = hello_us + client.rtt_us + int(rng.lognormvariate(7.6, 0.4))
        """When the first request can reach the server: one round trip after the hello."""
        self.last_us = self.ready_us
        server.files.add_entity(client.address, self._hello.ja4_stable, host, client.truth)

    def _send_handshake(self, opened_us: int, rng: random.Random) -> int:
        """Frames up to the hello; returns the time of the hello's last segment."""
        add, tcp = self._server.files.add_frame, self._tcp
        add(opened_us, tcp.syn(opened_us))
        answered_us = opened_us + _SERVER_TURNAROUND_US
        add(answered_us, tcp.syn_ack(answered_us))
        now_us = answered_us + self._jittered_rtt(rng)
        add(now_us, tcp.from_client(now_us, ACK))
        now_us += self._hello.handshake.syn_to_hello_us
        segments = tcp.segments(self._hello.record_for(self.host.encode(), rng))
        for segment in segments:
            flags = ACK | PSH if segment is segments[-1] else ACK
            add(now_us, tcp.from_client(now_us, flags, segment))
            now_us += rng.randint(5, 40)
        add(now_us + _SERVER_TURNAROUND_US, tcp.from_server(now_us + _SERVER_TURNAROUND_US, ACK))
        return now_us

    def _jittered_rtt(self, rng: random.Random) -> int:
        return int(self._client.rtt_us * rng.uniform(0.95, 1.25))

    def is_open_at(self, ts_us: int) -> bool:
        """Whether the server would still have kept it open."""
        return ts_us < self.last_us + KEEP_ALIVE_US

    def request(
        self,
        ts_us: int,
        rng: random.Random,
        *,
        method: str,
        uri: str,
        proto: str,
        headers: Headers,
        status: int,
        cookie_names: tuple[str, ...] = (),
    ) -> int:
        """Log one request that reached the server at `ts_us` or, if later, when ready; returns its end."""
        start_us = max(ts_us, self.ready_us)
        took_us = duration_us(uri, status, rng)
        self.requests += 1
        event = HttpEvent(
            t_us=start_us,
            src_ip=self._client.address,
            src_port=self._port,
            dst_ip=self._server_address,
            dst_port=SERVER_PORT,
            method=method,
            unparsed_uri=uri,
            proto=proto,
            status=status,
            headers=headers,
            dur_us=took_us,
            useragent_ip=self._client.address,
            scheme="https",
            host=self.host,
            conn_seq=self._number,
            conn_req=self.requests,
            bytes=response_bytes(self.host, uri, status),
            cookie_names=cookie_names or None,
        )
        self._server.files.add_event(event, self._hello.ja4_stable, self._client.truth)
        self.last_us = max(self.last_us, start_us + took_us)
        return start_us + took_us

    def close(self, ts_us: int, *, by_server: bool = False, reset: bool = False) -> None:
        """End it at `ts_us`, but not before its last response."""
        add, tcp = self._server.files.add_frame, self._tcp
        now_us = max(ts_us, self.last_us + 1000)
        if reset:
            add(now_us, tcp.from_client(now_us, RST | ACK))
            return
        if by_server:
            add(now_us, tcp.from_server(now_us, FIN | ACK))
            now_us += self._client.rtt_us
            add(now_us, tcp.from_client(now_us, FIN | ACK))
            add(now_us + _SERVER_TURNAROUND_US, tcp.from_server(now_us + _SERVER_TURNAROUND_US, ACK))
            return
        add(now_us, tcp.from_client(now_us, FIN | ACK))
        add(now_us + _SERVER_TURNAROUND_US, tcp.from_server(now_us + _SERVER_TURNAROUND_US, FIN | ACK))
        now_us += _SERVER_TURNAROUND_US + self._client.rtt_us
        add(now_us, tcp.from_client(now_us, ACK))

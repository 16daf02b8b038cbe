"""What the clients do: one function for each way in which a join can go wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import cycle, islice

from lab.foreign_clients import chromium, curl_keep_alive, h2load
from lab.lab import Lab
from lab.network import CLIENTS, CLIENTS_V6, NGINX_SERVER, QUIC_SERVER, SERVER_V6, SERVERS
from lab.nonces import Sent, new_nonce
from lab.quic_client import http3
from lab.tls_client import Ending, Route, TlsClient

THREADS = 6
SETTLE_S = 0.5
"""Longer than the web server gathers events for: after it they are with the agent that runs."""
ENDINGS = (
    *(Ending.SERVER_FIN, Ending.CLIENT_RST) * 6,
    Ending.CLIENT_FIN,
    *(Ending.SERVER_FIN, Ending.CLIENT_RST) * 6,
    Ending.SILENT,
)
"""The two slow ones are rare: the port is free again after a second."""
SHIFT_US = 500_000
UNTOLD = "clock +500 ms, not told"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    curls: int
    kept_alive: int
    requests_each: int
    h2_connections: int
    h2_requests_each: int
    browsers: int
    resumptions: int
    reuses_a_port: int
    crowded_connections: int
    shared_ports: int
    restart_connections: int
    shifted_rounds: int
    nat_connections: int
    nginx_connections: int
    quic_connections: int


FULL = Scale(20, 100, 40, 40, 200, 8, 1_000, 60, 800, 150, 40, 25, 300, 60, 30)
SHORT = Scale(2, 10, 20, 3, 200, 1, 60, 5, 60, 12, 6, 5, 48, 8, 4)


def keep_alive(lab: Lab, scale: Scale) -> list[Sent]:
    """HTTP/1.1: a connection is kept for many requests, by curl and by our client, IPv4 and IPv6."""

    def talk(number: int) -> Sent:
        is_v6 = number % 4 == 0
        sources = CLIENTS_V6 if is_v6 else CLIENTS
        server = SERVER_V6 if is_v6 else SERVERS[number % len(SERVERS)]
        source = sources[number % len(sources)]
        if number < scale.curls:
            return curl_keep_alive(lab.client_side, lab.authority, server, source, scale.requests_each)
        client = TlsClient(lab.tls, Route(server, source), new_nonce())
        sent = Sent("", client.nonce, client.get(scale.requests_each))
        client.end(Ending.CLIENT_FIN)
        return sent

    return lab.on_client_side(talk, range(scale.curls + scale.kept_alive), THREADS)


def http2(lab: Lab, scale: Scale) -> list[Sent]:
    """HTTP/2 with 100 streams at once: the server handles them in any order, on many threads."""

    def talk(number: int) -> Sent:
        return h2load(lab.client_side, SERVERS[number % len(SERVERS)], scale.h2_requests_each)

    return lab.on_client_side(talk, range(scale.h2_connections), 3)


def browsers(lab: Lab, scale: Scale) -> list[Sent]:
    """Chromium loads a page with images: a hello in two segments, and sometimes a connection to spare."""

    def talk(number: int) -> Sent:
        return chromium(lab.client_side, SERVERS[number % len(SERVERS)])

    return lab.on_client_side(talk, range(scale.browsers), 2)


def resumption(lab: Lab, scale: Scale) -> list[Sent]:
    """Each connection but a client's first resumes the session of the one before it."""

    def talk(number: int) -> list[Sent]:
        route = Route(SERVERS[number], CLIENTS[number])
        found, session = [], None
        for _ in range(scale.resumptions // THREADS):
            client = TlsClient(lab.tls, route, new_nonce(), session)
            found.append(Sent("", client.nonce, client.get(2), is_resumed=client.is_resumed))
            session = client.session
            client.end(Ending.CLIENT_FIN)
        return found

    return [sent for many in lab.on_client_side(talk, range(THREADS), THREADS) for sent in many]


def port_reuse(lab: Lab, scale: Scale) -> list[Sent]:
    """A port is used again as soon as the connection on it has ended, in each way it can end."""

    def talk(number: int) -> list[Sent]:
        route = Route(SERVERS[0], CLIENTS[number % 3], 42_000 + number)
        found = []
        endings = islice(cycle(ENDINGS), number, number + scale.reuses_a_port)
        for turn, ending in enumerate(endings):
            client = TlsClient(lab.tls, route, new_nonce())
            answered = client.get(1 + turn % 2, is_last=ending is Ending.SERVER_FIN)
            found.append(Sent("", client.nonce, answered))
            client.end(ending)
        return found

    lanes = range(12)
    return [sent for many in lab.on_client_side(talk, lanes, len(lanes)) for sent in many]


def crowded_address(lab: Lab, scale: Scale) -> list[Sent]:
    """Clients behind one address that has 16 ports for all of them, as behind a NAT gateway."""

    def talk(_: int) -> Sent:
        client = TlsClient(lab.tls, Route(SERVERS[0]), new_nonce())
        sent = Sent("", client.nonce, client.get(1, is_last=True))
        client.end(Ending.SERVER_FIN)
        return sent

    with lab.few_local_ports(43_000, 43_015):
        return lab.on_client_side(talk, range(scale.crowded_connections), THREADS)


def nat_gateway(lab: Lab, scale: Scale) -> list[Sent]:
    """Clients behind a gateway that rewrites their addresses and gives a port away a second after its use."""

    def talk(number: int) -> Sent:
        client = TlsClient(lab.tls, Route(SERVERS[0]), new_nonce())
        ending = (Ending.SERVER_FIN, Ending.CLIENT_RST, Ending.CLIENT_FIN)[number % 3]
        sent = Sent("", client.nonce, client.get(2, is_last=ending is Ending.SERVER_FIN))
        client.end(ending)
        return sent

    return lab.at_home(talk, range(scale.nat_connections), THREADS)


def nginx(lab: Lab, scale: Scale) -> list[Sent]:
    """Requests that nginx reports by syslog, its times in milliseconds: h2load and kept connections."""

    def talk(number: int) -> Sent:
        if number % 4 == 0:
            return h2load(lab.client_side, NGINX_SERVER, scale.requests_each)
        client = TlsClient(lab.tls, Route(NGINX_SERVER, CLIENTS[number % len(CLIENTS)]), new_nonce())
        sent = Sent("", client.nonce, client.get(scale.requests_each))
        client.end(Ending.CLIENT_FIN)
        return sent

    return lab.on_client_side(talk, range(scale.nginx_connections), 3)


def quic(lab: Lab, scale: Scale) -> list[Sent]:
    """HTTP/3, whose server writes a log of JSON lines."""

    def talk(_: int) -> Sent:
        return http3(lab.authority, QUIC_SERVER, 5)

    return lab.on_client_side(talk, range(scale.quic_connections), 2)


def two_servers_on_one_port(lab: Lab, scale: Scale) -> list[Sent]:
    """One source port holds connections to two servers at the same time, and asks them in turns."""

    def talk(number: int) -> list[Sent]:
        source, port = CLIENTS[number % len(CLIENTS)], 44_000 + number
        pair = [
            TlsClient(lab.tls, Route(server, source, port), new_nonce())
            for server in (SERVERS[1], SERVERS[2])
        ]
        answered = [0, 0]
        for _ in range(3):
            for which, client in enumerate(pair):
                answered[which] += client.get(1)
        for client in pair:
            client.end(Ending.CLIENT_RST)
        return [Sent("", client.nonce, count) for client, count in zip(pair, answered, strict=True)]

    return [sent for pair in lab.on_client_side(talk, range(scale.shared_ports), THREADS) for sent in pair]


def agent_restarted(lab: Lab, scale: Scale) -> list[Sent]:
    """The agent is stopped and started while connections stay open, are opened, and go on."""
    each = 4

    def open_one(number: int) -> TlsClient:
        return TlsClient(lab.tls, Route(SERVERS[number % 16], CLIENTS[number % 64]), new_nonce())

    def ask(clients: list[TlsClient], stage: str, *, is_observable: bool) -> list[Sent]:
        counts = lab.on_client_side(lambda client: client.get(each, stage), clients, THREADS)
        return [
            Sent("", client.nonce, count, stage, is_observable)
            for client, count in zip(clients, counts, strict=True)
        ]

    def open_some(share: int) -> list[TlsClient]:
        return lab.on_client_side(open_one, range(scale.restart_connections // share), THREADS)

    early = open_some(4)
    sent = ask(early, "before", is_observable=True)
    time.sleep(SETTLE_S)
    lab.runs[-1].stop()
    sent += ask(early, "away", is_observable=True)
    away = open_some(4)
    sent += ask(away, "away", is_observable=False)
    lab.start_agent()
    sent += ask(early, "after", is_observable=True)
    sent += ask(away, "after", is_observable=False)
    late = open_some(1)
    for _ in range(5):
        sent += ask(late, "after", is_observable=True)
    for client in early + away + late:
        client.end(Ending.CLIENT_FIN)
    return _merged(sent)


def shifted_clock(lab: Lab, scale: Scale) -> list[Sent]:
    """Short connections, reused ports and HTTP/2 while the two sources' clocks differ."""
    less = replace(
        scale, reuses_a_port=scale.shifted_rounds, h2_connections=max(1, scale.shifted_rounds // 5),
        resumptions=scale.shifted_rounds * THREADS,
    )  # fmt: skip
    return port_reuse(lab, less) + http2(lab, less) + resumption(lab, less)


def _merged(sent: list[Sent]) -> list[Sent]:
    together: dict[tuple[str, str], Sent] = {}
    for one in sent:
        before = together.get((one.nonce, one.stage))
        total = one.requests + (0 if before is None else before.requests)
        together[one.nonce, one.stage] = replace(one, requests=total)
    return list(together.values())


def run_all(lab: Lab, scale: Scale, tell: Callable[[str], None] = lambda _: None) -> list[Sent]:
    """Every phase, and a new run of the agent for each clock; everything is delivered at the end."""
    done: list[Sent] = []

    def run(name: str, phase: Callable[[Lab, Scale], list[Sent]]) -> int:
        began_s = time.monotonic()
        sent = [replace(one, phase=name) for one in phase(lab, scale)]
        done.extend(sent)
        requests = sum(one.requests for one in sent)
        tell(f"{name}: {requests} requests over {len(sent)} connections, {time.monotonic() - began_s:.1f} s")
        return requests

    lab.start_agent()
    one_clock = (
        ("HTTP/1.1 keep-alive", keep_alive),
        ("HTTP/2, 100 streams", http2),
        ("Chromium", browsers),
        ("resumption", resumption),
        ("port reused at once", port_reuse),
        ("16 ports for all", crowded_address),
        ("NAT gateway, 16 ports", nat_gateway),
        ("nginx, syslog", nginx),
        ("HTTP/3, JSON lines", quic),
        ("one port, two servers", two_servers_on_one_port),
        ("agent restarted", agent_restarted),
    )
    requests = sum(run(name, phase) for name, phase in one_clock)
    lab.runs[-1].wait_for_requests(requests - lab.runs[0].requests_delivered())
    lab.runs[-1].stop()
    for name, shift_us, told_us in (
        ("clock +500 ms, told", SHIFT_US, SHIFT_US),
        ("clock -500 ms, told", -SHIFT_US, -SHIFT_US),
        (UNTOLD, SHIFT_US, 0),
    ):
        with lab.agent_with_shifted_clock(shift_us, JA4_JOIN_CLOCK_OFFSET_US=str(told_us)) as agent:
            agent.wait_for_requests(run(name, shifted_clock))
            agent.stop()
    return done

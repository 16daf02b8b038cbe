"""The traffic lab: clients and web servers on a cable of their own, and the agent live on its far end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from lab.live_agent import LiveAgent
from lab.network import NGINX_SERVER, QUIC_SERVER, LabNetwork, enter_namespace, in_namespace
from lab.nginx_server import NginxServer
from lab.quic_process import QuicProcess
from lab.shifted_clock import ShiftedClock
from lab.tls_client import client_context
from lab.web_shop import WebShop

Item = TypeVar("Item")
Result = TypeVar("Result")
LOCAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
TIME_WAIT_REUSE = Path("/proc/sys/net/ipv4/tcp_tw_reuse")


class Lab:
    """Network, web server and, one after another, runs of the agent; a context manager that ends them all."""

    def __init__(self) -> None:
        self.runs: list[LiveAgent] = []
        """Every run of the agent, ended ones too; their rows stay until the lab is left."""
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            network = stack.enter_context(LabNetwork())
            self.client_side, self._server_side = network.client_side, network.server_side
            self.home_side = network.home_side
            self._shop = stack.enter_context(WebShop(self._server_side))
            folder = self._shop.folder
            self._nginx_events, self._quic_events = folder / "nginx.sock", folder / "quic.jsonl"
            servers = (
                NginxServer(self._server_side, folder, (NGINX_SERVER,), self._nginx_events),
                QuicProcess(self._server_side, folder, QUIC_SERVER, self._quic_events),
            )
            for server in servers:
                stack.enter_context(server)
            self.authority = self._shop.authority
            self.tls = client_context(self.authority)
            # A port of ours that still waits for late packets may be used again after a second.
            in_namespace(self.client_side, lambda: _write(TIME_WAIT_REUSE, "1"))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for run in self.runs:
            run.kill()
        self._stack.close()

    def start_agent(self, events: Path | None = None, **settings: str) -> LiveAgent:
        """A new run of the agent; stop the one before it first."""
        folder = self._shop.folder / f"run-{len(self.runs)}"
        sources = [
            f'socket = "{events or self._shop.events}"\nmode = 0o666',
            f'syslog = "{self._nginx_events}"\nformat = "nginx"\nmode = 0o666',
            f'file = "{self._quic_events}"\nfrom_start = true',
        ]
        run = LiveAgent(self._server_side, folder, sources, **settings)
        self.runs.append(run)
        return run

    @contextmanager
    def agent_with_shifted_clock(self, shift_us: int, **settings: str) -> Iterator[LiveAgent]:
        """A run of the agent for which the web server's clock is ahead by so much."""
        events = self._shop.folder / "shifted.sock"
        run = self.start_agent(events, **settings)
        with ShiftedClock(self._shop.events, events, shift_us):
            yield run

    def on_client_side(
        self, work: Callable[[Item], Result], items: Sequence[Item], threads: int
    ) -> list[Result]:
        """Do something for each item inside the clients' namespace; the results in the order of the items."""
        return _inside(self.client_side, work, items, threads)

    def at_home(self, work: Callable[[Item], Result], items: Sequence[Item], threads: int) -> list[Result]:
        """As `on_client_side`, but behind the gateway: servers see its address and one of its few ports."""
        return _inside(self.home_side, work, items, threads)

    @contextmanager
    def few_local_ports(self, first: int, last: int) -> Iterator[None]:
        """Clients that leave the choice of their port to the kernel share these: a NAT gateway's range."""
        before: list[str] = []
        in_namespace(self.client_side, lambda: before.append(LOCAL_PORTS.read_text()))
        in_namespace(self.client_side, lambda: _write(LOCAL_PORTS, f"{first} {last}"))
        try:
            yield
        finally:
            in_namespace(self.client_side, lambda: _write(LOCAL_PORTS, before[0]))


def _inside(
    namespace: str, work: Callable[[Item], Result], items: Sequence[Item], threads: int
) -> list[Result]:
    enter = {"initializer": enter_namespace, "initargs": (namespace,)}
    with ThreadPoolExecutor(threads, **enter) as inside:
        return list(inside.map(work, items))


def _write(path: Path, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)

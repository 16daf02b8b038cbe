"""Two agents on two machines, here network namespaces with a wire between them, and one database."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from ja4_assets.storage import migrate

if TYPE_CHECKING:
    from tests.capture_agent.agent.conftest import ReportingServer

pytestmark = pytest.mark.root

CLONE_NEWNET = 0x40000000
DATABASE = "agent_two_sensors"
CONNECTIONS = 12
DEADLINE_S = 60.0
Result = TypeVar("Result")


class Machine:
    """A network namespace with one end of the wire."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address

    def do(self, work: Callable[[], Result]) -> Result:
        """What `work` gives, done by a thread in the namespace; sockets and threads it makes stay there."""
        results: list[Result] = []

        def enter_and_work() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/run/netns/{self.name}") as namespace:
                if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            results.append(work())

        thread = threading.Thread(target=enter_and_work)
        thread.start()
        thread.join(DEADLINE_S)
        return results[0]


@pytest.fixture
def machines() -> Iterator[tuple[Machine, Machine]]:
    pair = Machine(f"ja4-a-{os.getpid()}", "10.91.0.1"), Machine(f"ja4-b-{os.getpid()}", "10.91.0.2")
    try:
        for machine in pair:
            made = subprocess.run(["ip", "netns", "add", machine.name], capture_output=True, text=True)
            if made.returncode != 0:
                pytest.skip(f"NOT RUN, two sensors are untested here: {made.stderr.strip()}; run as root")
        ends = [("name", "wire", "netns", machine.name) for machine in pair]
        wire = ["ip", "link", "add", *ends[0], "type", "veth", "peer", *ends[1]]
        subprocess.run(wire, check=True)
        for machine in pair:
            for command in (f"addr add {machine.address}/24 dev wire", "link set wire up", "link set lo up"):
                subprocess.run(["ip", "-n", machine.name, *command.split()], check=True)
        yield pair
    finally:
        for machine in pair:
            subprocess.run(["ip", "netns", "del", machine.name], check=False, capture_output=True)


class Relay:
    """Listens on a machine's loopback and passes connections on to the database outside."""

    def __init__(self, machine: Machine, port: int) -> None:
        self._listener = machine.do(lambda: socket.create_server(("127.0.0.1", 0)))
        self._port = port
        self.port: int = self._listener.getsockname()[1]
        # The thread that runs this is outside, and so are the connections that it opens.
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                inside, _ = self._listener.accept()
                outside = socket.create_connection(("127.0.0.1", self._port))
                for source, target in ((inside, outside), (outside, inside)):
                    threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while received := source.recv(65_536):
            target.sendall(received)
        target.shutdown(socket.SHUT_WR)


def request(server: str, port: int, path: str) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((server, port)) as connection, context.wrap_socket(connection) as stream:
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\n\r\n".encode())
        assert stream.recv(1_000)


def start_agent(machine: Machine, folder: Path, url: str) -> subprocess.Popen[bytes]:
    """An agent that looks at connections to its own machine, although others cross its wire too."""
    settings = folder / f"{machine.name}.toml"
    settings.write_text(
        f"""
[agent]
sensor = "{machine.name}"
site = "site of {machine.address}"
state_dir = "{folder / machine.name}"
[capture]
interfaces = ["wire"]
ports = []
[capture.include]
destination_networks = ["{machine.address}"]
[[http]]
socket = "{folder / machine.name}.sock"
[clickhouse]
url = "{url}"
[delivery]
batch_age_s = 0.2
[metrics]
port = 0
"""
    )
    command = [sys.executable, "-m", "capture_agent.cli", "run", "--config", str(settings)]
    log = (folder / f"{machine.name}.log").open("wb")
    with log:
        return subprocess.Popen(["ip", "netns", "exec", machine.name, *command], stderr=log)


def wait_until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    give_up_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up_s, what()
        time.sleep(0.1)


def test_rows_of_two_sensors_meet_in_one_database_and_do_not_mix(
    machines: tuple[Machine, Machine],
    tmp_path: Path,
    clickhouse_dsn: str,
    start_server: Callable[..., ReportingServer],
) -> None:
    url = f"{clickhouse_dsn}/{DATABASE}"
    migrate.upgrade(url)
    port = urlsplit(clickhouse_dsn).port or 0
    agents, servers, relays = [], [], []
    try:
        for machine in machines:
            relays.append(Relay(machine, port))
            inner_url = url.replace(f":{port}/", f":{relays[-1].port}/")
            agents.append(start_agent(machine, tmp_path, inner_url))
        for machine in machines:
            log, events = tmp_path / f"{machine.name}.log", tmp_path / f"{machine.name}.sock"
            wait_until(lambda log=log: '"started"' in log.read_text(), log.read_text)
            servers.append(machine.do(lambda m=machine, e=events: start_server(e, m.address)))
        for number in range(CONNECTIONS):
            for client, server, served in ((0, 1, servers[1]), (1, 0, servers[0])):
                address = machines[server].address
                path = f"/{address}/{number}"
                machines[client].do(lambda a=address, p=served.port, path=path: request(a, p, path))
        # An agent that is stopped leaves what the database was too slow for on disk, for its next run.
        with contextlib.closing(clickhouse_connect.get_client(dsn=url)) as database:
            for table in ("raw_tls_hellos", "raw_http_requests"):
                wait_until(
                    lambda table=table: counted(database, table) == 2 * CONNECTIONS,
                    lambda table=table: f"{table}: {counted(database, table)} rows",
                )
        for agent in agents:
            agent.terminate()
        assert [agent.wait(DEADLINE_S) for agent in agents] == [0, 0]
    finally:
        for agent in agents:
            if agent.poll() is None:
                agent.kill()
                agent.wait(DEADLINE_S)
        for relay in relays:
            relay.close()
    with contextlib.closing(clickhouse_connect.get_client(dsn=url)) as database:
        hellos = database.query(
            "select sensor, site, toString(dst_ip), toString(src_ip), count() from raw_tls_hellos final "
            "group by all order by sensor"
        ).result_rows
        requests = database.query(
            "select sensor, site, path, join_state from raw_http_requests final order by sensor, path"
        ).result_rows
    first, second = machines
    expected = [(first, second), (second, first)]
    assert [(row[0], row[1], *map(bare, row[2:4]), row[4]) for row in hellos] == [
        (server.name, f"site of {server.address}", server.address, client.address, CONNECTIONS)
        for server, client in expected
    ]
    assert requests == sorted(
        (server.name, f"site of {server.address}", f"/{server.address}/{number}", "matched")
        for server, _ in expected
        for number in range(CONNECTIONS)
    )


def counted(database: Client, table: str) -> int:
    """Rows of a table."""
    found = database.query("select count() from {table:Identifier} final", parameters={"table": table})
    return int(found.result_rows[0][0])


def bare(address: str) -> str:
    """As IPv4, where it is that."""
    parsed = ip_address(address)
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)

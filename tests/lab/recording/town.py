"""The network of a recording: every client in a namespace of its own, some behind a gateway with NAT.

One bridge in the servers' namespace joins them all; its cable has an MTU of 1,500 octets and no offloads.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.network import INTERFACE, become_gateway, in_namespace, switch_offloads_off

SERVER, NGINX_SERVER, SEARCH_SERVER = "10.88.0.1", "10.88.0.2", "10.88.0.3"
PORTS_BEHIND_NAT = 48
"""Source ports of each client behind a gateway: few, so that they are used again."""
FIRST_NAT_PORT = 20_000
MOUNTS = (
    'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/ssl/certs/ca-certificates.crt && '
    'shift 2 && exec "$@"'
)
"""A name server and certificate authority of its own for a program; `ip netns exec` unshares the mounts."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a client sits: its namespace, the address that servers see, and its share of the ports there."""

    namespace: str
    address: str
    ports: range | None = None
    """None: all of them, nobody else has this address."""


class Town:
    """The namespaces; a context manager that leaves nothing behind."""

    def __init__(self, folder: Path) -> None:
        self._unique = secrets.token_hex(3)
        self.server_side = f"ja4rec-{self._unique}-servers"
        self._folder = folder
        self._stack = ExitStack()
        self._seats = 0
        self._gateways = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._add_namespace(self.server_side, stack)
            _ip(
                self.server_side,
                f"link add {INTERFACE} type bridge",
                f"link set {INTERFACE} mtu 1500 up",
                "link set lo up",
                f"address add {SERVER}/8 dev {INTERFACE}",
                f"address add {NGINX_SERVER}/8 dev {INTERFACE}",
                f"address add {SEARCH_SERVER}/8 dev {INTERFACE}",
            )
            in_namespace(self.server_side, switch_offloads_off)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add_seat(self) -> Seat:
        """A client with an address of its own."""
        name, address = self._next_name_and_address()
        self._add_namespace(name, self._stack)
        self._plug_in(name, self.server_side, INTERFACE, f"{address}/8")
        in_namespace(name, switch_offloads_off)
        return Seat(name, address)

    def add_gateway(self, members: int) -> list[Seat]:
        """Clients behind one address. Each has a block of its ports, as carriers give them out."""
        gateway, address = self._next_name_and_address()
        self._gateways += 1
        inner = f"192.168.{self._gateways}"
        self._add_namespace(gateway, self._stack)
        self._plug_in(gateway, self.server_side, INTERFACE, f"{address}/8")
        in_namespace(gateway, switch_offloads_off)
        _ip(
            gateway,
            "link add inner type bridge",
            "link set inner mtu 1500 up",
            f"address add {inner}.1/24 dev inner",
        )
        inside = ["ip", "netns", "exec", gateway]
        seats = []
        for number in range(members):
            name = f"{gateway}-{number}"
            self._add_namespace(name, self._stack)
            source = f"{inner}.{number + 2}"
            self._plug_in(name, gateway, "inner", f"{source}/24")
            _ip(name, f"route add default via {inner}.1")
            in_namespace(name, switch_offloads_off)
            first = FIRST_NAT_PORT + number * PORTS_BEHIND_NAT
            ports = range(first, first + PORTS_BEHIND_NAT)
            for protocol in ("tcp", "udp"):
                rule = f"-s {source} -p {protocol} -j MASQUERADE --to-ports {ports[0]}-{ports[-1]}"
                command = ["iptables", "-w", "-t", "nat", "-A", "POSTROUTING", *rule.split()]
                subprocess.run([*inside, *command], check=True, timeout=20)
            seats.append(Seat(name, address, ports))
        # The kernel has the settings of connection tracking once a rule asks for it.
        in_namespace(gateway, become_gateway)
        return seats

    def command(self, seat: Seat, *program: str) -> list[str]:
        """The command line that runs a program on a seat; its process id is that of the program."""
        files = (str(self._folder / "resolv.conf"), str(self._folder / "authorities.crt"))
        return ["ip", "netns", "exec", seat.namespace, "sh", "-c", MOUNTS, "sh", *files, *program]

    def _next_name_and_address(self) -> tuple[str, str]:
        self._seats += 1
        high, low = divmod(self._seats, 250)
        return f"ja4rec-{self._unique}-{self._seats}", f"10.77.{high}.{low + 1}"

    def _add_namespace(self, name: str, stack: ExitStack) -> None:
        subprocess.run(["ip", "netns", "add", name], check=True, timeout=10)
        stack.callback(subprocess.run, ["ip", "netns", "del", name], check=True, timeout=30)

    def _plug_in(self, name: str, bridge_side: str, bridge: str, address: str) -> None:
        """A cable from a namespace to a bridge in another."""
        port = f"p{secrets.token_hex(5)}"
        _ip(
            name,
            f"link add {INTERFACE} type veth peer name {port} netns {bridge_side}",
            f"link set {INTERFACE} mtu 1500 up",
            "link set lo up",
            f"address add {address} dev {INTERFACE}",
        )
        _ip(bridge_side, f"link set {port} mtu 1500 master {bridge} up")


def _ip(namespace: str, *commands: str) -> None:
    subprocess.run(
        ["ip", "-n", namespace, "-batch", "-"], input="\n".join(commands), text=True, check=True, timeout=20
    )


def maybe_obstacle(programs: tuple[str, ...]) -> str | None:
    """Why no recording can be made here; None if it can."""
    if missing := [name for name in programs if shutil.which(name) is None]:
        return f"no {', '.join(missing)} on this machine: packaging/install-lab-packages"
    return "network namespaces need root" if os.geteuid() != 0 else None

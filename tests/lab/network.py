"""Network namespaces: clients with many addresses, servers at the other end of a cable, a home behind NAT.

As on a real network, no packet is longer than 1,500 octets and none is cut or joined by a driver.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import secrets
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

CLONE_NEWNET = 0x40000000
SIOCETHTOOL = 0x8946
SWITCHES_OFF = {"tso": 0x1F, "gso": 0x24, "gro": 0x2C}
"""Commands of linux/ethtool.h that set an offload; the program ethtool is not on every machine."""
TOOLS = ("ip", "iptables", "apache2", "apxs", "cc", "nginx", "openssl", "curl", "h2load", "chromium")
INTERFACE = "wire"
CLIENTS = tuple(f"10.77.0.{number}" for number in range(1, 65))
CLIENTS_V6 = tuple(f"fd77::{number:x}" for number in range(1, 9))
SERVERS = tuple(f"10.88.0.{number}" for number in range(1, 17))
"""A client that names no source address reaches the n-th server from the n-th client address."""
SERVER_V6 = "fd88::1"
NGINX_SERVER, QUIC_SERVER = "10.88.1.1", "10.88.1.2"
GATEWAY = "10.77.0.64"
"""The address that servers see of clients behind NAT."""
GATEWAY_PORTS = range(45_000, 45_016)
HOME, HOME_GATEWAY = "192.168.77.2", "192.168.77.1"
CONNTRACK = {"tcp_timeout_time_wait": "1", "tcp_timeout_close": "1", "tcp_timeout_close_wait": "1"}
"""Seconds after which a gateway forgets an ended connection and gives its port away."""


def maybe_obstacle() -> str | None:
    """Why the lab cannot be built here; None if it can."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"no {', '.join(missing)} on this machine"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"ja4lab-{secrets.token_hex(4)}"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"no network namespace can be made: {tried.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None


def enter_namespace(name: str) -> None:
    """Move the calling thread, and what it opens and starts from now on, into a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/run/netns", name).open() as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"namespace {name} cannot be entered")


def become_gateway() -> None:
    """Let this thread's namespace pass on packets, and forget ended connections soon."""
    settings = {"/proc/sys/net/ipv4/ip_forward": "1"}
    settings |= {f"/proc/sys/net/netfilter/nf_conntrack_{name}": value for name, value in CONNTRACK.items()}
    for path, value in settings.items():
        descriptor = os.open(path, os.O_WRONLY)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)


class LabNetwork:
    """The namespaces; a context manager that leaves nothing behind."""

    def __init__(self) -> None:
        unique = secrets.token_hex(4)
        self.client_side = f"ja4lab-{unique}-clients"
        self.server_side = f"ja4lab-{unique}-servers"
        self.home_side = f"ja4lab-{unique}-home"
        """Clients whose gateway is on the clients' side and gives them all one address."""
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for name in (self.client_side, self.server_side, self.home_side):
                _ip("netns", "add", name)
                stack.callback(_ip, "netns", "del", name)
            self._lay_cable()
            self._connect_home()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _lay_cable(self) -> None:
        ends = (self.client_side, self.server_side)
        # Made inside: a name that another lab uses on the machine does no harm then.
        peer = ("type", "veth", "peer", "name", INTERFACE, "netns", ends[1])
        _ip("-n", ends[0], "link", "add", INTERFACE, *peer)
        clients = [f"address add {one}/32 dev {INTERFACE}" for one in CLIENTS]
        clients += [f"-6 address add {one}/128 dev {INTERFACE} nodad" for one in CLIENTS_V6]
        servers = [f"address add {one}/32 dev {INTERFACE}" for one in SERVERS]
        servers += [f"address add {one}/32 dev {INTERFACE}" for one in (NGINX_SERVER, QUIC_SERVER)]
        servers += [f"-6 address add {SERVER_V6}/128 dev {INTERFACE} nodad"]
        up = [f"link set {INTERFACE} mtu 1500 up", "link set lo up"]
        to_servers = [
            f"route add {server} dev {INTERFACE} src {client}"
            for server, client in zip(SERVERS, CLIENTS, strict=False)
        ]
        to_servers += [
            f"route add {one} dev {INTERFACE} src {CLIENTS[0]}" for one in (NGINX_SERVER, QUIC_SERVER)
        ]
        to_servers += [f"-6 route add {SERVER_V6} dev {INTERFACE} src {CLIENTS_V6[0]}"]
        to_clients = [f"route add 10.77.0.0/16 dev {INTERFACE}", f"-6 route add fd77::/64 dev {INTERFACE}"]
        for name, commands in (
            (ends[0], [*up, *clients, *to_servers]),
            (ends[1], [*up, *servers, *to_clients]),
        ):
            for command in commands:
                _ip("-n", name, *command.split())
            in_namespace(name, switch_offloads_off)

    def _connect_home(self) -> None:
        gateway, home = self.client_side, self.home_side
        _ip("-n", home, "link", "add", INTERFACE, "type", "veth", "peer", "name", "home", "netns", gateway)
        for name, commands in (
            (gateway, [f"address add {HOME_GATEWAY}/24 dev home", "link set home mtu 1500 up"]),
            (home, [f"address add {HOME}/24 dev {INTERFACE}", f"link set {INTERFACE} mtu 1500 up"]),
            (home, [f"route add default via {HOME_GATEWAY}"]),
        ):
            for command in commands:
                _ip("-n", name, *command.split())
        in_namespace(home, switch_offloads_off)
        source = f"{GATEWAY}:{GATEWAY_PORTS[0]}-{GATEWAY_PORTS[-1]}"
        rule = f"-t nat -A POSTROUTING -s {HOME} -p tcp -j SNAT --to-source {source}"
        subprocess.run(inside(gateway, "iptables", "-w", *rule.split()), check=True, timeout=20)
        # The kernel tracks connections, and has the settings for it, once a rule asks for it.
        in_namespace(gateway, become_gateway)


def inside(name: str, *command: str) -> list[str]:
    """The command line that runs a program in a namespace; its process id is that of the program."""
    return ["ip", "netns", "exec", name, *command]


def switch_offloads_off() -> None:
    """Let no driver of this thread's namespace cut or join packets."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for command in SWITCHES_OFF.values():
            value = array.array("I", [command, 0])
            address, _ = value.buffer_info()
            fcntl.ioctl(asking, SIOCETHTOOL, struct.pack("@16sP16x", INTERFACE.encode(), address))


def in_namespace(name: str, work: Callable[[], None]) -> None:
    """Do something inside a namespace, in a thread of its own: the caller's stays where it is."""
    with ThreadPoolExecutor(1, initializer=enter_namespace, initargs=(name,)) as inside:
        inside.submit(work).result()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=10)

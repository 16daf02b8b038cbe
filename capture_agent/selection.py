"""Which connections are looked at: server ports, and lists of networks and ports that include and exclude.

The kernel's filter applies it to frames (`capture.kernel_filter`); here it is applied to what that cannot
judge, and to requests. Source is the client, destination the server, whichever way a packet goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

from capture_agent.events import HttpEvent, TlsHello
from capture_agent.wire.address import MAPPED_PREFIX, mapped, parse_address
from capture_agent.wire.errors import Malformed
from capture_agent.wire.frame import Frame
from capture_agent.wire.packet import PacketDecoder

Network = IPv4Network | IPv6Network
_IPV4 = int.from_bytes(MAPPED_PREFIX) << 32
_ALL_ONES = (1 << 128) - 1
_number = lru_cache(maxsize=65_536)(lambda text: int.from_bytes(parse_address(text)))


@dataclass(frozen=True, slots=True)
class EndLists:
    """Lists of ends; an empty one says nothing."""

    source_networks: tuple[Network, ...] = ()
    destination_networks: tuple[Network, ...] = ()
    source_ports: frozenset[int] = frozenset()
    destination_ports: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        """Any list has an entry."""
        networks = self.source_networks or self.destination_networks
        return bool(networks or self.source_ports or self.destination_ports)


@dataclass(frozen=True, slots=True)
class Connection:
    """Addresses are numbers of 128 bits, IPv4 mapped."""

    client: int
    client_port: int
    server: int
    server_port: int

    def turned(self) -> Connection:
        """The same with the other end as the server."""
        return Connection(self.server, self.server_port, self.client, self.client_port)


@dataclass(frozen=True, slots=True)
class Selection:
    """What an operator wants to see."""

    ports: frozenset[int] = frozenset()
    """Server ports; every port if there are none."""
    include: EndLists = EndLists()
    """A connection must fit each list that has entries."""
    exclude: EndLists = EndLists()
    """A connection must fit no list."""

    @property
    def has_lists(self) -> bool:
        """More than ports decide."""
        return bool(self.include or self.exclude)

    def wants_hello(self, hello: TlsHello) -> bool:
        """Whether the lists let the hello's connection through. Its port is not looked at: frames were, and
        the ports inside a tunnel are others."""
        ends = Connection(_number(hello.src_ip), hello.src_port, _number(hello.dst_ip), hello.dst_port)
        return self._is_included(ends) and not self._is_excluded(ends)

    def wants_request(self, event: HttpEvent) -> bool:
        """Whether the lists let the request's connection through; `event` is in normal form."""
        ends = Connection(_number(event.src_ip), event.src_port, _number(event.dst_ip), event.dst_port)
        return self._is_included(ends) and not self._is_excluded(ends)

    def wants_packet(self, packet: Connection) -> bool:
        """Whether a packet from `client` to `server` is wanted, if either may be either."""
        ways = [way for way in (packet, packet.turned()) if not self.ports or way.server_port in self.ports]
        return any(map(self._is_included, ways)) and not any(map(self._is_excluded, ways))

    def wanted_frames(self, frames: Iterable[Frame], decoder: PacketDecoder) -> Iterator[Frame]:
        """Those of `frames` that hold a wanted packet: slow, for sources without a filter of the kernel."""
        for frame in frames:
            try:
                segment = decoder.decode(frame)
            except Malformed:
                continue
            if segment is None:
                continue
            ends = _ends(segment.flow_key)
            if self.wants_packet(ends):
                yield frame

    def _is_included(self, ends: Connection) -> bool:
        lists = self.include
        return (
            (not lists.source_networks or _holds(lists.source_networks, ends.client))
            and (not lists.destination_networks or _holds(lists.destination_networks, ends.server))
            and (not lists.source_ports or ends.client_port in lists.source_ports)
            and (not lists.destination_ports or ends.server_port in lists.destination_ports)
        )

    def _is_excluded(self, ends: Connection) -> bool:
        lists = self.exclude
        return (
            ends.client_port in lists.source_ports
            or ends.server_port in lists.destination_ports
            or _holds(lists.source_networks, ends.client)
            or _holds(lists.destination_networks, ends.server)
        )


def _ends(flow_key: bytes) -> Connection:
    size = (len(flow_key) - 4) // 2
    source, destination = mapped(flow_key[:size]), mapped(flow_key[size:-4])
    ports = int.from_bytes(flow_key[-4:-2]), int.from_bytes(flow_key[-2:])
    return Connection(int.from_bytes(source), ports[0], int.from_bytes(destination), ports[1])


def _holds(networks: tuple[Network, ...], address: int) -> bool:
    is_ipv4 = address >> 32 == _IPV4 >> 32
    return any(address & mask == value for value, mask in _values(networks, is_ipv4))


@lru_cache(maxsize=64)
def _values(networks: tuple[Network, ...], is_ipv4: bool) -> list[tuple[int, int]]:
    """Those of one family: 0::/0 means no address of IPv4."""
    prefix, prefix_mask = (_IPV4, _ALL_ONES << 32 & _ALL_ONES) if is_ipv4 else (0, 0)
    return [
        (int(network.network_address) | prefix, int(network.netmask) | prefix_mask)
        for network in networks
        if isinstance(network, IPv4Network) == is_ipv4
    ]

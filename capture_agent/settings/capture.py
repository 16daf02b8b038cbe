"""Section `[capture]`: which packets are looked at."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from capture_agent.settings.fields import Names, Networks, Ports, Section


class PacketSourceKind(StrEnum):
    """What captures."""

    AF_PACKET = "af_packet"
    """Linux packet sockets."""
    SCAPY = "scapy"
    """scapy's sniffer, for other systems: a hundred times slower."""


class SelectionList(Section):
    """Ends of connections. Source is the client, destination the server, whichever way a packet goes."""

    source_networks: Networks = ()
    """Networks of clients."""
    destination_networks: Networks = ()
    """Networks of servers."""
    source_ports: Ports = frozenset()
    """Ports of clients."""
    destination_ports: Ports = frozenset()
    """Ports of servers."""


class CaptureSettings(Section):
    """Interfaces, ports, and the lists that include and exclude."""

    source: PacketSourceKind = PacketSourceKind.AF_PACKET
    """What captures."""
    interfaces: Names = ()
    """Interfaces that `run` captures."""
    ports: Ports | None = None
    """Server ports to capture; None: those of `requests.tls_ports`. An empty list captures everything."""
    include: SelectionList = SelectionList()
    """Only what fits every list given here is looked at."""
    exclude: SelectionList = SelectionList()
    """What fits any list given here is left out, even if it is included."""
    promiscuous: bool = False
    """Also capture frames for other hosts, on a port that a switch mirrors traffic to."""
    ring_mib: int = Field(default=32, ge=2, le=2_048)
    """Memory of each ring."""
    workers: int = Field(default=1, ge=1, le=16)
    """Rings of each interface, with a reading thread each; the kernel deals connections out to them."""

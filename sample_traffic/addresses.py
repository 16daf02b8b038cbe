"""Invented client addresses inside real networks, so that later enrichment by network has work to do.

No packet is ever sent to any of them, and what they are said to have done here never happened. People
mostly live in access networks; the lab's recording draws from the same networks for people and bots, in
shares that it states.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

SERVER_V4 = "203.0.113.80"
SERVER_V6 = "2001:db8:80::443"
"""The server has documentation addresses (RFC 5737, RFC 3849)."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network from which clients come."""

    prefix: str
    utc_offset_h: int
    languages: tuple[str, ...]
    """Languages of its people, commonest first, as in Accept-Language."""


_US = ("en-US",)
_GERMAN, _FRENCH, _BRITISH, _SPANISH = ("de-DE", "de"), ("fr-FR", "fr"), ("en-GB",), ("es-ES", "es")
_ITALIAN, _DUTCH, _POLISH = ("it-IT", "it"), ("nl-NL", "nl"), ("pl-PL", "pl")

HOME = (
    Network("73.0.0.0/8", -5, _US),
    Network("98.192.0.0/10", -5, _US),
    Network("108.192.0.0/11", -6, _US),
    Network("93.192.0.0/10", 1, _GERMAN),
    Network("87.128.0.0/10", 1, _GERMAN),
    Network("88.64.0.0/12", 1, _GERMAN),
    Network("90.0.0.0/11", 1, _FRENCH),
    Network("88.160.0.0/11", 1, _FRENCH),
    Network("86.128.0.0/10", 0, _BRITISH),
    Network("86.0.0.0/11", 0, _BRITISH),
    Network("88.0.0.0/11", 1, _SPANISH),
    Network("79.0.0.0/10", 1, _ITALIAN),
    Network("77.160.0.0/12", 1, _DUTCH),
    Network("79.184.0.0/13", 1, _POLISH),
)
HOME_V6 = (
    Network("2601:540::/26", -5, _US),
    Network("2003::/23", 1, _GERMAN),
    Network("2a01:e00::/30", 1, _FRENCH),
)
MOBILE = (
    Network("172.32.0.0/11", -6, _US),
    Network("178.0.0.0/12", 1, _GERMAN),
    Network("93.64.0.0/13", 1, _ITALIAN),
    Network("109.32.0.0/13", 1, _DUTCH),
)
HOSTING = (
    Network("95.216.0.0/15", 0, _US),
    Network("65.108.0.0/15", 0, _US),
    Network("54.36.0.0/14", 0, _US),
    Network("57.128.0.0/14", 0, _US),
    Network("68.183.0.0/16", 0, _US),
    Network("46.101.0.0/16", 0, _US),
    Network("18.128.0.0/12", 0, _US),
    Network("34.64.0.0/11", 0, _US),
    Network("20.64.0.0/11", 0, _US),
    Network("45.76.0.0/15", 0, _US),
    Network("161.97.64.0/18", 0, _US),
)
VPN = (
    Network("146.70.16.0/20", 1, _GERMAN),
    Network("149.102.224.0/19", -5, _US),
    Network("89.187.160.0/19", 0, _BRITISH),
)


def invent_address(network: Network, rng: random.Random, taken: set[str]) -> str:
    """An address of `network` that is not in `taken`; adds it there."""
    span = ip_network(network.prefix)
    while True:
        address = _text(span, rng)
        if address not in taken:
            taken.add(address)
            return address


def _text(span: IPv4Network | IPv6Network, rng: random.Random) -> str:
    """Some host of `span`; in IPv6 a random /64 and a random interface id, as privacy addresses have."""
    first: IPv4Address | IPv6Address = span.network_address
    number = int(first) + rng.randrange(span.num_addresses)
    if isinstance(span, IPv4Network) and number % 256 in (0, 255):
        number ^= 0x5A
    return str(ip_address(number))

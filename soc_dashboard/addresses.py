"""One text for one client address: dotted IPv4, IPv6 as in RFC 5952; IPv4-mapped ones are IPv4."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address


def address_text(address: IPv4Address | IPv6Address) -> str:
    """The address as it is shown, stored in labels and searched for."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def canonical_address(text: str) -> str:
    """The one text of an address that a person wrote. Raises ValueError when it is none."""
    return address_text(ip_address(text))

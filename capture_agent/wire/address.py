"""IP addresses: sixteen bytes inside the agent, canonical text in its rows.

IPv4 is held IPv4-mapped (RFC 4291 section 2.5.5.2), so that an address has one form whichever
socket family a web server logged it with.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

MAPPED_PREFIX = bytes(10) + b"\xff\xff"
ADDRESS_BYTES = 16


def mapped(packed: bytes) -> bytes:
    """Sixteen bytes of an address of four or sixteen bytes; ValueError for any other length."""
    if len(packed) == 4:
        return MAPPED_PREFIX + packed
    if len(packed) == ADDRESS_BYTES:
        return packed
    raise ValueError(f"an IP address has 4 or 16 bytes, not {len(packed)}")


def address_text(packed: bytes) -> str:
    """Canonical text of a packed address: dotted for IPv4, mapped or not, else RFC 5952."""
    if len(packed) == 4:
        return f"{packed[0]}.{packed[1]}.{packed[2]}.{packed[3]}"
    if packed[:12] == MAPPED_PREFIX and len(packed) == ADDRESS_BYTES:
        return f"{packed[12]}.{packed[13]}.{packed[14]}.{packed[15]}"
    return str(IPv6Address(packed))


def parse_address(text: str) -> bytes:
    """Sixteen bytes of an address in any accepted spelling; ValueError if it is none.

    Accepts brackets, upper case, uncompressed and IPv4-mapped forms. A zone id (RFC 4007 section 11)
    names an interface of the host that logged the address, not a part of the address, and is dropped.
    """
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1]
    bare = bare.partition("%")[0]
    if ":" in bare:
        return IPv6Address(bare).packed
    return MAPPED_PREFIX + IPv4Address(bare).packed

"""PROXY protocol headers, which a load balancer puts in front of the client's bytes.

Source: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, sections 2.1 and 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from capture_agent.wire.address import mapped, parse_address
from capture_agent.wire.errors import NotTls

V1_START = b"PROXY "
V1_MAX_BYTES = 107
V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V2_HEADER_BYTES = 16
_V2_PROXY, _V2_LOCAL = 0x21, 0x20
_V2_ADDRESS_BYTES = {1: 4, 2: 16}


@dataclass(frozen=True, slots=True)
class ProxiedAddresses:
    """Addresses a PROXY protocol header declared, sixteen bytes each."""

    src: bytes
    src_port: int
    dst: bytes
    dst_port: int


def read_v1(octets: bytes) -> tuple[int, ProxiedAddresses | None] | None:
    """Length of the text header at the start of `octets`, and its addresses; None for need-more."""
    if not octets.startswith(V1_START[: len(octets)]):
        raise NotTls("first byte starts no handshake record", 0)
    end = octets.find(b"\r\n", 0, V1_MAX_BYTES)
    if end < 0:
        if len(octets) >= V1_MAX_BYTES:
            raise NotTls("PROXY header has no end", V1_MAX_BYTES)
        return None
    fields = octets[:end].decode("latin-1").split(" ")
    if fields[1] == "UNKNOWN":
        return end + 2, None
    if fields[1] not in ("TCP4", "TCP6") or len(fields) != 6:
        raise NotTls("PROXY header is of no known form", len(V1_START))
    try:
        src, dst = parse_address(fields[2]), parse_address(fields[3])
    except ValueError:
        raise NotTls("PROXY header has an unreadable address", len(V1_START)) from None
    ports = [int(field) for field in fields[4:] if field.isascii() and field.isdigit()]
    if len(ports) != 2 or max(ports) > 0xFFFF:
        raise NotTls("PROXY header has an unreadable port", len(V1_START))
    return end + 2, ProxiedAddresses(src, ports[0], dst, ports[1])


def read_v2(octets: bytes) -> tuple[int, ProxiedAddresses | None] | None:
    """As `read_v1` for the binary header; its type-length-values are skipped."""
    if not octets.startswith(V2_SIGNATURE[: len(octets)]):
        raise NotTls("first byte starts no handshake record", 0)
    if len(octets) < V2_HEADER_BYTES:
        return None
    command, family = octets[12], octets[13] >> 4
    if command not in (_V2_PROXY, _V2_LOCAL):
        raise NotTls("PROXY header has an unknown version or command", 12)
    end = V2_HEADER_BYTES + int.from_bytes(octets[14:16], "big")
    if len(octets) < end:
        return None
    size = _V2_ADDRESS_BYTES.get(family)
    if command == _V2_LOCAL or size is None:
        return end, None
    ports_at = V2_HEADER_BYTES + 2 * size
    if ports_at + 4 > end:
        raise NotTls("PROXY header is too short for its addresses", 14)
    return end, ProxiedAddresses(
        src=mapped(octets[V2_HEADER_BYTES : V2_HEADER_BYTES + size]),
        src_port=int.from_bytes(octets[ports_at : ports_at + 2], "big"),
        dst=mapped(octets[V2_HEADER_BYTES + size : ports_at]),
        dst_port=int.from_bytes(octets[ports_at + 2 : ports_at + 4], "big"),
    )

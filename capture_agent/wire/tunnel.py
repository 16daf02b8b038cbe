"""Encapsulations: from a tunnel header to the packet inside it.

Each function takes the bytes behind the outer IP or UDP header and says where the inner packet starts,
or None if the bytes are not of that protocol. Sources: RFC 2784/2890 (GRE), RFC 2637 (GRE version 1),
draft-foschiano-erspan-03, RFC 7348 (VXLAN), draft-ietf-nvo3-vxlan-gpe-13, RFC 8926 (Geneve),
3GPP TS 29.281 (GTP-U).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from capture_agent.wire import link

if TYPE_CHECKING:
    from mmap import mmap

MAX_DEPTH = 4
"""Encapsulations removed from one packet; clouds stack two (ERSPAN over VXLAN), GTP-U adds one."""

PORT_GTPU, PORT_VXLAN, PORT_VXLAN_GPE, PORT_VXLAN_LINUX, PORT_GENEVE = 2152, 4789, 4790, 8472, 6081

_GRE_CHECKSUM, _GRE_ROUTING, _GRE_KEY, _GRE_SEQUENCE, _GRE_ACK = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
_GRE_VERSION = 0x0007
_ERSPAN_TYPE_2, _ERSPAN_TYPE_3, _GRE_PPP = 0x88BE, 0x22EB, 0x880B
_VXLAN_INSTANCE, _VXLAN_NEXT_PROTOCOL, _VXLAN_FIXED_FLAGS = 0x08, 0x04, 0x7B
_VXLAN_PROTOCOLS = {1: link.ETHERTYPE_IPV4, 2: link.ETHERTYPE_IPV6, 3: link.ETHERTYPE_TEB}
_GTPU_EXTENSION, _GTPU_OPTIONAL_FIELDS, _GTPU_G_PDU = 0x04, 0x07, 255
_MAX_GTPU_EXTENSIONS = 8

_u16 = Struct(">H")
_u16_pair = Struct(">HH")


class Inner(NamedTuple):
    """Where the inner packet starts: `ethertype` is ETHERTYPE_TEB for an inner Ethernet frame."""

    name: str
    ethertype: int
    offset: int


def gre(buffer: bytes | mmap, offset: int, end: int) -> Inner | None:
    """GRE version 0 and 1, ERSPAN I to III inside it."""
    if end - offset < 4:
        return None
    flags, protocol = _u16_pair.unpack_from(buffer, offset)
    version = flags & _GRE_VERSION
    if flags & _GRE_ROUTING or version > 1:
        return None
    at = offset + 4
    if flags & _GRE_CHECKSUM:
        at += 4
    if flags & _GRE_KEY:
        at += 4
    if flags & _GRE_SEQUENCE:
        at += 4
    if version == 1:
        if flags & _GRE_ACK:
            at += 4
        if protocol != _GRE_PPP or end <= at:
            return None
        ethertype, at = link.ppp(buffer, at, end)
        return Inner("gre", ethertype, at)
    if protocol == _ERSPAN_TYPE_2:
        # Type I has neither a sequence number nor a header of its own.
        return Inner("erspan", link.ETHERTYPE_TEB, at + 8 if flags & _GRE_SEQUENCE else at)
    if protocol == _ERSPAN_TYPE_3:
        if end - at < 12:
            return None
        has_platform_header = buffer[at + 11] & 1
        return Inner("erspan", link.ETHERTYPE_TEB, at + 20 if has_platform_header else at + 12)
    return Inner("gre", protocol, at)


def vxlan(buffer: bytes | mmap, offset: int, end: int) -> Inner | None:
    """VXLAN, with the flag of group policy and the next-protocol field of its generic extension (GPE)."""
    if end - offset < 8 or buffer[offset] & _VXLAN_FIXED_FLAGS != _VXLAN_INSTANCE:
        return None
    ethertype = link.ETHERTYPE_TEB
    if buffer[offset] & _VXLAN_NEXT_PROTOCOL:
        ethertype = _VXLAN_PROTOCOLS.get(buffer[offset + 3], 0)
    return Inner("vxlan", ethertype, offset + 8)


def geneve(buffer: bytes | mmap, offset: int, end: int) -> Inner | None:
    """Geneve version 0 with any options; control messages (O flag) carry no user's packet."""
    if end - offset < 8 or buffer[offset] & 0xC0 or buffer[offset + 1] & 0x80:
        return None
    options_bytes = (buffer[offset] & 0x3F) * 4
    return Inner("geneve", _u16.unpack_from(buffer, offset + 2)[0], offset + 8 + options_bytes)


def gtpu(buffer: bytes | mmap, offset: int, end: int) -> Inner | None:
    """GTP-U version 1 user packets, extension headers skipped."""
    if end - offset < 8 or buffer[offset] & 0xF0 != 0x30 or buffer[offset + 1] != _GTPU_G_PDU:
        return None
    at = offset + 8
    if buffer[offset] & _GTPU_OPTIONAL_FIELDS:
        at += 4
        if at > end:
            return None
        extension = buffer[at - 1] if buffer[offset] & _GTPU_EXTENSION else 0
        for _ in range(_MAX_GTPU_EXTENSIONS):
            if not extension:
                break
            if at >= end or not buffer[at] or at + buffer[at] * 4 > end:
                return None
            at += buffer[at] * 4
            extension = buffer[at - 1]
    if at >= end:
        return None
    ethertype, at = link.raw_ip(buffer, at, end)
    return Inner("gtpu", ethertype, at)


UDP_TUNNELS: dict[int, Callable[[bytes | mmap, int, int], Inner | None]] = {
    PORT_GTPU: gtpu,
    PORT_VXLAN: vxlan,
    PORT_VXLAN_GPE: vxlan,
    PORT_VXLAN_LINUX: vxlan,
    PORT_GENEVE: geneve,
}
"""Destination port -> reader of the tunnel header."""

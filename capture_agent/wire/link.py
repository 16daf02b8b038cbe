"""Link layers: from the start of a frame to its network layer.

Sources: https://www.tcpdump.org/linktypes.html for the pseudo headers, IEEE 802.1Q for tags,
RFC 1661/1662 (PPP), RFC 2516 (PPPoE), RFC 3032 and 5332 (MPLS), RFC 1042 (IP in 802.2 SNAP).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING

from capture_agent.wire.errors import Malformed

if TYPE_CHECKING:
    from mmap import mmap

LINKTYPE_NULL = 0
LINKTYPE_ETHERNET = 1
LINKTYPE_PPP = 9
LINKTYPE_PPP_HDLC = 50
LINKTYPE_PPP_ETHER = 51
LINKTYPE_RAW = 101
LINKTYPE_CISCO_HDLC = 104
LINKTYPE_LOOP = 108
LINKTYPE_LINUX_SLL = 113
LINKTYPE_IPV4 = 228
LINKTYPE_IPV6 = 229
LINKTYPE_LINUX_SLL2 = 276
DLT_RAW_BSD = 12
DLT_RAW_OPENBSD = 14

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD
ETHERTYPE_TEB = 0x6558
"""Transparent Ethernet bridging: an Ethernet frame inside GRE or Geneve."""
ETHERTYPE_PPPOE_SESSION = 0x8864
MPLS_ETHERTYPES = frozenset({0x8847, 0x8848})
MAX_MPLS_LABELS = 8
"""Providers stack two to four labels, more where traffic is steered by them."""
MAX_LENGTH_FIELD = 1500
"""Up to here the field behind the addresses is the length of an IEEE 802.3 frame, not an ethertype."""
_SNAP_OF_ETHERTYPES = b"\xaa\xaa\x03\0\0\0"
VLAN_ETHERTYPES = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})
"""802.1Q, 802.1ad, and the two values that QinQ equipment used before 802.1ad."""
MAX_VLAN_TAGS = 4
"""More tags than provider networks stack; a longer chain is an attack on the parser."""

IP_FAMILY_NUMBERS = {
    2: ETHERTYPE_IPV4,
    10: ETHERTYPE_IPV6,
    24: ETHERTYPE_IPV6,
    28: ETHERTYPE_IPV6,
    30: ETHERTYPE_IPV6,
}
"""AF_INET everywhere; AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin."""
PPP_PROTOCOLS = {0x0021: ETHERTYPE_IPV4, 0x0057: ETHERTYPE_IPV6}

_u16 = Struct(">H")
_u32_big = Struct(">I")
_u32_little = Struct("<I")

NOT_IP = (0, 0)
"""What a link layer function returns for a frame that carries neither IPv4 nor IPv6."""

LinkLayer = Callable[["bytes | mmap", int, int], tuple[int, int]]


def ethernet(buffer: bytes | mmap, offset: int, end: int) -> tuple[int, int]:
    """Ethertype and offset of the network layer of the Ethernet frame at `offset`."""
    if end - offset < 14:
        raise Malformed("Ethernet header cut short", offset)
    return ethertype_payload(buffer, _u16.unpack_from(buffer, offset + 12)[0], offset + 14, end)


def ethertype_payload(buffer: bytes | mmap, ethertype: int, offset: int, end: int) -> tuple[int, int]:
    """Follow VLAN tags and PPPoE from a payload of type `ethertype` to IPv4, IPv6 or NOT_IP."""
    tags = 0
    while ethertype in VLAN_ETHERTYPES:
        tags += 1
        if tags > MAX_VLAN_TAGS:
            raise Malformed("more VLAN tags than 4", offset)
        if end - offset < 4:
            raise Malformed("VLAN tag cut short", offset)
        ethertype = _u16.unpack_from(buffer, offset + 2)[0]
        offset += 4
    if ethertype in (ETHERTYPE_IPV4, ETHERTYPE_IPV6):
        return ethertype, offset
    if ethertype == ETHERTYPE_PPPOE_SESSION:
        if end - offset < 8:
            raise Malformed("PPPoE header cut short", offset)
        if buffer[offset] != 0x11 or buffer[offset + 1] != 0:
            return NOT_IP
        return ppp(buffer, offset + 6, end)
    if ethertype in MPLS_ETHERTYPES:
        return mpls(buffer, offset, end)
    if ethertype <= MAX_LENGTH_FIELD and buffer[offset : min(offset + 6, end)] == _SNAP_OF_ETHERTYPES:
        if end - offset < 8:
            raise Malformed("SNAP header cut short", offset)
        inner = _u16.unpack_from(buffer, offset + 6)[0]
        return (inner, offset + 8) if inner in (ETHERTYPE_IPV4, ETHERTYPE_IPV6) else NOT_IP
    return NOT_IP


def mpls(buffer: bytes | mmap, offset: int, end: int) -> tuple[int, int]:
    """A stack of labels; what follows has no type, so its first four bits tell IP from anything else."""
    for _ in range(MAX_MPLS_LABELS):
        if end - offset < 4:
            raise Malformed("MPLS label cut short", offset)
        offset += 4
        if buffer[offset - 2] & 1:
            return raw_ip(buffer, offset, end)
    raise Malformed("more MPLS labels than 8", offset)


def ppp(buffer: bytes | mmap, offset: int, end: int) -> tuple[int, int]:
    """PPP with or without its HDLC address and control bytes, with the protocol field in either length."""
    if end - offset < 2:
        raise Malformed("PPP header cut short", offset)
    if buffer[offset] == 0xFF and buffer[offset + 1] == 0x03:
        offset += 2
        if end - offset < 2:
            raise Malformed("PPP header cut short", offset)
    if buffer[offset] & 1:
        return PPP_PROTOCOLS.get(buffer[offset], 0), offset + 1
    return PPP_PROTOCOLS.get(_u16.unpack_from(buffer, offset)[0], 0), offset + 2


def ppp_ether(buffer: bytes | mmap, offset: int, end: int) -> tuple[int, int]:
    """PPPoE session packets captured without their Ethernet header (LINKTYPE_PPP_ETHER)."""
    return ethertype_payload(buffer, ETHERTYPE_PPPOE_SESSION, offset, end)


def ppp_hdlc(buffer: bytes | mmap, offset: int, end: int) -> tuple[int, int]:
    """PPP in HDLC-like framing, or Cisco HDLC, which LINKTYPE_PPP_HDLC also allows."""
    if end - offset >= 4 and buffer[offset] in (0x0F, 0x8F):
        return cisco_hdlc(buffer, offset, end)
    return ppp(buffer, offset, end)


def cisco_hdlc(buffer: bytes | mmap, offset: int, end: int) -> tuple[int, int]:
    """Cisco HDLC: address, control, ethertype."""
    if end - offset < 4:
        raise Malformed("Cisco HDLC header cut short", offset)
    return ethertype_payload(buffer, _u16.unpack_from(buffer, offset + 2)[0], offset + 4, end)


def raw_ip(buffer: bytes | mmap, offset: int, end: int) -> tuple[int, int]:
    """No link layer: the version nibble tells IPv4 from IPv6."""
    if end <= offset:
        raise Malformed("empty frame", offset)
    version = buffer[offset] >> 4
    if version == 4:
        return ETHERTYPE_IPV4, offset
    if version == 6:
        return ETHERTYPE_IPV6, offset
    return NOT_IP


def null_loopback(buffer: bytes | mmap, offset: int, end: int) -> tuple[int, int]:
    """BSD loopback: the address family in the byte order of the machine that captured."""
    if end - offset < 4:
        raise Malformed("loopback header cut short", offset)
    family = _u32_little.unpack_from(buffer, offset)[0]
    if family > 0xFFFF:
        family = _u32_big.unpack_from(buffer, offset)[0]
    return IP_FAMILY_NUMBERS.get(family, 0), offset + 4


def linux_sll(buffer: bytes | mmap, offset: int, end: int) -> tuple[int, int]:
    """Linux cooked capture v1; VLAN tags may follow its 16 bytes."""
    if end - offset < 16:
        raise Malformed("Linux cooked header cut short", offset)
    return ethertype_payload(buffer, _u16.unpack_from(buffer, offset + 14)[0], offset + 16, end)


def linux_sll2(buffer: bytes | mmap, offset: int, end: int) -> tuple[int, int]:
    """Linux cooked capture v2; VLAN tags may follow its 20 bytes."""
    if end - offset < 20:
        raise Malformed("Linux cooked header cut short", offset)
    return ethertype_payload(buffer, _u16.unpack_from(buffer, offset)[0], offset + 20, end)


LINK_LAYERS: dict[int, LinkLayer] = {
    LINKTYPE_NULL: null_loopback,
    LINKTYPE_ETHERNET: ethernet,
    LINKTYPE_PPP: ppp,
    DLT_RAW_BSD: raw_ip,
    DLT_RAW_OPENBSD: raw_ip,
    LINKTYPE_PPP_HDLC: ppp_hdlc,
    LINKTYPE_PPP_ETHER: ppp_ether,
    LINKTYPE_RAW: raw_ip,
    LINKTYPE_CISCO_HDLC: cisco_hdlc,
    LINKTYPE_LOOP: null_loopback,
    LINKTYPE_LINUX_SLL: linux_sll,
    LINKTYPE_IPV4: raw_ip,
    LINKTYPE_IPV6: raw_ip,
    LINKTYPE_LINUX_SLL2: linux_sll2,
}
"""Every link type that can be read."""

KNOWN_LINK_TYPE_NAMES = {
    6: "IEEE802_5",
    105: "IEEE802_11",
    119: "IEEE802_11_PRISM",
    127: "IEEE802_11_RADIOTAP",
    147: "USER0",
    187: "BLUETOOTH_HCI_H4",
    189: "USB_LINUX",
    195: "IEEE802_15_4_WITHFCS",
    220: "USB_LINUX_MMAPPED",
    227: "CAN_SOCKETCAN",
    239: "NFLOG",
    249: "USBPCAP",
    253: "NETLINK",
}
"""Names for the message that refuses a link type; the common ones of the published list."""


def link_type_name(link_type: int) -> str:
    """The link type as a message names it, for example "LINKTYPE_USBPCAP (249)"."""
    name = KNOWN_LINK_TYPE_NAMES.get(link_type)
    return f"LINKTYPE_{name} ({link_type})" if name else f"link type {link_type}"

"""What stands before the ClientHello on its stream: nothing, a PROXY header, another protocol's upgrade."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from capture_agent.wire import proxy_protocol, registry, tls_upgrade
from capture_agent.wire.errors import NotTls
from capture_agent.wire.proxy_protocol import ProxiedAddresses
from capture_agent.wire.starttls_text import read_commands

MAX_PREAMBLE_BYTES = 16_384
"""Longest preamble that is followed: CONNECT with a large token, a chatty SMTP client."""
MAX_STEPS = 8
"""Preambles in a row: PROXY, a refused upgrade, a repeated CONNECT after a 407."""


@dataclass(frozen=True, slots=True)
class Preamble:
    """TLS starts at `length`; `name` is that of the last protocol before it, None if there was none."""

    length: int
    name: str | None
    proxied: ProxiedAddresses | None


_BY_FIRST_BYTE: dict[int, tuple[str, Callable[[bytes], int | None]]] = {
    0x04: ("socks4", tls_upgrade.read_socks4),
    0x05: ("socks5", tls_upgrade.read_socks5),
    0x30: ("ldap", tls_upgrade.read_ldap),
    0x00: ("postgresql", tls_upgrade.read_postgresql),
    0x20: ("mysql", tls_upgrade.read_mysql),
}


_CONNECT: tuple[str, Callable[[bytes], int | None]] = ("connect", tls_upgrade.read_connect)


def may_be_tls(first_byte: int) -> bool:
    """A handshake record, or the high bit that SSL 2.0 framing sets."""
    return first_byte == registry.RECORD_HANDSHAKE or first_byte >= 0x80


def read_preamble(octets: bytes) -> Preamble | None:
    """Find where TLS starts in the first bytes of a stream; None for need-more.

    Raises NotTls when the bytes are of a protocol that does not lead to TLS.
    """
    at, name = 0, None
    proxied: ProxiedAddresses | None = None
    for _ in range(MAX_STEPS):
        if at >= len(octets):
            break
        if may_be_tls(octets[at]):
            return Preamble(at, name, proxied)
        step = _read_step(octets[at:])
        if step is None:
            break
        name, length, addresses = step
        proxied = proxied or addresses
        at += length
    else:
        raise NotTls("more preambles than 8", at)
    if len(octets) > MAX_PREAMBLE_BYTES:
        raise NotTls("preamble is longer than 16384 bytes", MAX_PREAMBLE_BYTES)
    return None


def _read_step(octets: bytes) -> tuple[str, int, ProxiedAddresses | None] | None:
    """Name, length and addresses of the preamble at the start of `octets`; None for need-more."""
    first = octets[0]
    if first == proxy_protocol.V2_SIGNATURE[0]:
        header = proxy_protocol.read_v2(octets)
        return None if header is None else ("proxy_v2", *header)
    if _agrees(octets, proxy_protocol.V1_START):
        header = proxy_protocol.read_v1(octets)
        return None if header is None else ("proxy_v1", *header)
    if _agrees(octets, tls_upgrade.CONNECT_START):
        name, read = _CONNECT
    elif first in _BY_FIRST_BYTE:
        name, read = _BY_FIRST_BYTE[first]
    else:
        upgrade = read_commands(octets)
        return None if upgrade is None else (upgrade.protocol, upgrade.end, None)
    length = read(octets)
    return None if length is None else (name, length, None)


def _agrees(octets: bytes, start: bytes) -> bool:
    return octets.startswith(start) or start.startswith(octets)

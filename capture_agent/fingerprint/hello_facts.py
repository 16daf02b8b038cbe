"""Everything a row says about a ClientHello, computed from its bytes alone."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from capture_agent.events import Transport
from capture_agent.fingerprint.ja3 import ja3_of
from capture_agent.fingerprint.ja4 import ja4_of
from capture_agent.fingerprint.skeleton import skeleton
from capture_agent.wire.client_hello import ClientHello, parse_client_hello
from capture_agent.wire.printable import printable

MAX_CACHED_HELLOS = 1024
MAX_CACHED_HELLO_BYTES = 4096
"""With the limit above: about 10 MB at most, also when every hello is new."""


@dataclass(frozen=True, slots=True)
class HelloFacts:
    """The columns of `raw_tls_hellos` that depend on the hello only, under their own names.

    The fingerprints are None where the published rules define none (SSL 2.0 framing) or the hello is broken.
    """

    sni: str | None
    sni_present: bool | None
    sni_is_ip: bool | None
    alpn: tuple[str, ...]
    legacy_version: int | None
    tls_version: int | None
    ja4: str | None
    ja4_r: str | None
    ja4_o: str | None
    ja4_stable: str | None
    ja3: str | None
    ja3_hash: str | None
    ja3n_hash: str | None
    hello_len: int | None
    hello_skeleton: bytes | None
    has_grease: bool | None
    has_ech: bool | None
    has_psk: bool | None
    has_early_data: bool | None
    has_pq_group: bool | None


_recent: dict[tuple[bytes, Transport], HelloFacts] = {}


def hello_facts(message: bytes, transport: Transport) -> HelloFacts:
    """Facts of one handshake message, 4-byte header included; raises `Malformed`.

    The result depends on the skeleton only, so hellos of ordinary size that differ in nothing else are
    looked up instead of computed: programs, unlike permuting browsers, repeat theirs exactly.
    """
    hello = parse_client_hello(message, is_dtls=transport is Transport.DTLS)
    blanked = skeleton(hello, message)
    if len(blanked) > MAX_CACHED_HELLO_BYTES:
        return _compute(hello, blanked, transport)
    key = blanked, transport
    facts = _recent.get(key)
    if facts is None:
        facts = _compute(hello, blanked, transport)
        if len(_recent) >= MAX_CACHED_HELLOS:
            # Oldest first: a dict keeps the order of insertion.
            del _recent[next(iter(_recent))]
        _recent[key] = facts
    return facts


def refingerprint(hello_skeleton: bytes, transport: Transport) -> HelloFacts:
    """Facts of a stored row under today's rules, from its `hello_skeleton`; raises `Malformed`.

    Equal to `hello_facts` of the message that the skeleton was made of.
    """
    return hello_facts(hello_skeleton, transport)


def _compute(hello: ClientHello, blanked: bytes, transport: Transport) -> HelloFacts:
    host_name = hello.sni
    ja4 = ja4_of(hello, transport)
    ja3 = ja3_of(hello)
    return HelloFacts(
        sni=None if host_name is None else printable(host_name),
        sni_present=hello.sni_present,
        sni_is_ip=None if host_name is None else is_ip_literal(host_name),
        alpn=tuple([printable(protocol) for protocol in hello.alpn]),
        legacy_version=hello.legacy_version,
        tls_version=hello.tls_version,
        ja4=ja4.ja4,
        ja4_r=ja4.ja4_r,
        ja4_o=ja4.ja4_o,
        ja4_stable=ja4.ja4_stable,
        ja3=ja3.ja3,
        ja3_hash=ja3.ja3_hash,
        ja3n_hash=ja3.ja3n_hash,
        hello_len=len(blanked),
        hello_skeleton=blanked,
        has_grease=hello.has_grease,
        has_ech=hello.has_ech,
        has_psk=hello.has_psk,
        has_early_data=hello.has_early_data,
        has_pq_group=hello.has_pq_group,
    )


def is_ip_literal(host_name: bytes) -> bool:
    """Whether a server name is an IP address, brackets allowed, which RFC 6066 section 3 forbids."""
    # No top-level domain is numeric, so anything that ends in a letter and has no colon is a name:
    # this spares the exception below on the ordinary path.
    if not host_name or (not host_name[-1:].isdigit() and b":" not in host_name):
        return False
    try:
        ip_address(host_name.decode("ascii").strip("[]"))
    except ValueError:
        return False
    return True

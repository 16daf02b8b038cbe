"""Everything a row says about a ClientHello, computed from its bytes alone."""

from __future__ import annotations

from ipaddress import ip_address

import msgspec
from msgspec.structs import replace

from capture_agent.events import Transport
from capture_agent.fingerprint.ja3 import ja3_of
from capture_agent.fingerprint.ja4 import ja4_of
from capture_agent.fingerprint.known_hellos import KnownHellos
from capture_agent.fingerprint.skeleton import blanked, noise
from capture_agent.wire.client_hello import ClientHello, parse_client_hello
from capture_agent.wire.hello_salvage import salvage_client_hello
from capture_agent.wire.printable import printable
from capture_agent.wire.registry import newest_version
from capture_agent.wire.sslv2 import parse_sslv2_hello


class HelloFacts(msgspec.Struct, frozen=True, kw_only=True):
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


UNREAD = HelloFacts(
    sni=None,
    sni_present=None,
    sni_is_ip=None,
    alpn=(),
    legacy_version=None,
    tls_version=None,
    ja4=None,
    ja4_r=None,
    ja4_o=None,
    ja4_stable=None,
    ja3=None,
    ja3_hash=None,
    ja3n_hash=None,
    hello_len=None,
    hello_skeleton=None,
    has_grease=None,
    has_ech=None,
    has_psk=None,
    has_early_data=None,
    has_pq_group=None,
)
"""Facts of a hello that could not be read: nothing was observed."""

_known_hellos = KnownHellos[HelloFacts]()
_known_without_skeleton = KnownHellos[HelloFacts]()


def hello_facts(message: bytes, transport: Transport, *, with_skeleton: bool = True) -> HelloFacts:
    """Facts of one handshake message, 4-byte header included; raises `Malformed`.

    Without its skeleton, which then is None, a hello takes less time.

    The result depends on the skeleton only, so a hello that differs from a recent one in nothing else is
    looked up instead of computed: programs, unlike permuting browsers, repeat theirs exactly.
    """
    known = _known_hellos if with_skeleton else _known_without_skeleton
    facts = known.maybe_find(message, transport)
    if facts is None:
        hello = parse_client_hello(message, is_dtls=transport is Transport.DTLS)
        is_added = known.is_worth_adding(message, transport)
        ranges = noise(hello) if is_added or with_skeleton else []
        facts = _compute(hello, len(message), blanked(message, ranges) if with_skeleton else None, transport)
        if is_added:
            known.add(message, transport, ranges, facts)
    return facts


def refingerprint(hello_skeleton: bytes, transport: Transport, *, is_sslv2_framed: bool) -> HelloFacts:
    """Facts of a stored row under today's rules, from its `hello_skeleton`; raises `Malformed`.

    Equal to what the message gave from which the skeleton was made. Store `FINGERPRINT_SPEC` with it.
    """
    return sslv2_facts(hello_skeleton) if is_sslv2_framed else hello_facts(hello_skeleton, transport)


def sslv2_facts(message: bytes) -> HelloFacts:
    """Facts of a hello in SSL 2.0 framing; raises `Malformed`.

    JA3 and JA4 define no value for its three-byte cipher specs, so every fingerprint is None. What only
    an extension could say is known to be absent, and so False.
    """
    hello = parse_sslv2_hello(message)
    kept = len(message) - len(hello.session_id) - len(hello.challenge)
    return replace(
        UNREAD,
        sni_present=False,
        legacy_version=hello.version,
        tls_version=hello.version,
        hello_len=len(message),
        hello_skeleton=message[:kept] + bytes(len(message) - kept),
        has_grease=False,
        has_ech=False,
        has_psk=False,
        has_early_data=False,
        has_pq_group=False,
    )


def salvaged_facts(message: bytes, transport: Transport) -> HelloFacts:
    """What a malformed hello still says; never raises.

    There is no fingerprint and no skeleton, for where the grammar is broken secrets cannot be told from
    facts. An extension that was seen is True; one that was not is None, as it may stand behind the break.
    """
    hello = salvage_client_hello(message, is_dtls=transport is Transport.DTLS)
    if hello is None:
        return UNREAD
    host_name = hello.sni
    return replace(
        UNREAD,
        sni=None if host_name is None else printable(host_name),
        sni_present=hello.sni_present or None,
        sni_is_ip=None if host_name is None else is_ip_literal(host_name),
        alpn=tuple([printable(protocol) for protocol in hello.alpn]),
        legacy_version=hello.legacy_version,
        tls_version=newest_version(hello.supported_versions),
        hello_len=len(message),
        has_grease=hello.has_grease or None,
        has_ech=hello.has_ech or None,
        has_psk=hello.has_psk or None,
        has_early_data=hello.has_early_data or None,
        has_pq_group=hello.has_pq_group or None,
    )


def _compute(
    hello: ClientHello, hello_len: int, hello_skeleton: bytes | None, transport: Transport
) -> HelloFacts:
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
        hello_len=hello_len,
        hello_skeleton=hello_skeleton,
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

"""The row of `raw_tls_hellos` that a hello found by the flow table becomes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from sys import intern

from capture_agent.correlate.epochs import JoinableHello
from capture_agent.events import FINGERPRINT_SPEC, Quality, TlsHello
from capture_agent.fingerprint import tcp_syn
from capture_agent.fingerprint.hello_facts import UNREAD, hello_facts, salvaged_facts, sslv2_facts
from capture_agent.flows.flow_events import HelloSeen
from capture_agent.rows.client_names import AS_SEEN, ClientNames
from capture_agent.wire.address import address_text
from capture_agent.wire.errors import Malformed


@dataclass(frozen=True, slots=True)
class SynColumns:
    """The columns that come from the SYN; None without one."""

    tcp_ttl: int | None = None
    tcp_window: int | None = None
    tcp_mss: int | None = None
    tcp_wscale: int | None = None
    tcp_options: str | None = None
    tcp_signature: str | None = None
    ip_df: bool | None = None
    ip_id: int | None = None


NO_SYN = SynColumns()


def tls_hello_row(seen: HelloSeen, sensor: str, site: str = "", clients: ClientNames = AS_SEEN) -> TlsHello:
    """Fingerprint a hello.

    One that breaks the grammar becomes a row with its reason and what stood before the break.
    """
    epoch = seen.epoch
    quality, malformed = seen.quality, seen.malformed
    facts = UNREAD
    if seen.message is not None:
        try:
            if seen.is_sslv2_framed:
                facts = sslv2_facts(seen.message)
            else:
                facts = hello_facts(seen.message, epoch.transport)
        except Malformed as error:
            quality, malformed = Quality.MALFORMED, error
            if not seen.is_sslv2_framed:
                facts = salvaged_facts(seen.message, epoch.transport)
    syn = syn_columns(epoch.syn)
    proxied = seen.proxied
    return TlsHello(
        sensor=sensor,
        site=site,
        ts=seen.ts_us,
        conn_id=clients.conn_id(epoch.conn_id),
        transport=epoch.transport,
        src_ip=clients.address(_text(epoch.src)),
        src_port=epoch.src_port,
        dst_ip=_text(epoch.dst),
        dst_port=epoch.dst_port,
        sni=facts.sni,
        sni_present=facts.sni_present,
        sni_is_ip=facts.sni_is_ip,
        alpn=facts.alpn,
        legacy_version=facts.legacy_version,
        tls_version=facts.tls_version,
        ja4=facts.ja4,
        ja4_r=facts.ja4_r,
        ja4_o=facts.ja4_o,
        ja4_stable=facts.ja4_stable,
        ja3=facts.ja3,
        ja3_hash=facts.ja3_hash,
        ja3n_hash=facts.ja3n_hash,
        fingerprint_spec=FINGERPRINT_SPEC,
        quality=quality,
        malformed_reason=None if malformed is None else malformed.reason,
        malformed_offset=None if malformed is None else malformed.offset,
        segments=seen.segments,
        hello_len=facts.hello_len,
        hello_skeleton=facts.hello_skeleton,
        has_grease=facts.has_grease,
        has_ech=facts.has_ech,
        has_psk=facts.has_psk,
        has_early_data=facts.has_early_data,
        has_pq_group=facts.has_pq_group,
        is_second_hello=seen.is_second_hello,
        is_sslv2_framed=seen.is_sslv2_framed,
        preamble=seen.preamble,
        proxy_src_ip=None if proxied is None else clients.address(_text(proxied.src)),
        proxy_src_port=None if proxied is None else proxied.src_port,
        proxy_dst_ip=None if proxied is None else _text(proxied.dst),
        proxy_dst_port=None if proxied is None else proxied.dst_port,
        tunnel=epoch.tunnel,
        tcp_ttl=syn.tcp_ttl,
        tcp_window=syn.tcp_window,
        tcp_mss=syn.tcp_mss,
        tcp_wscale=syn.tcp_wscale,
        tcp_options=syn.tcp_options,
        tcp_signature=syn.tcp_signature,
        ip_df=syn.ip_df,
        ip_id=syn.ip_id,
        syn_ack_rtt_us=seen.syn_ack_rtt_us,
        syn_to_hello_us=seen.syn_to_hello_us,
    )


def joinable_hello(row: TlsHello) -> JoinableHello:
    """What the requests of the hello's connection will carry of it.

    It is kept as long as the connection, and clients that are the same have the same texts: these are shared.
    """
    return JoinableHello(
        ts_us=row.ts,
        quality=row.quality,
        ja4=_shared(row.ja4),
        ja4_stable=_shared(row.ja4_stable),
        ja3_hash=_shared(row.ja3_hash),
        sni=_shared(row.sni),
        tls_version=row.tls_version,
        alpn=_shared_protocols(row.alpn),
        has_grease=row.has_grease,
        has_ech=row.has_ech,
        has_psk=row.has_psk,
        has_pq_group=row.has_pq_group,
        tcp_signature=row.tcp_signature,
        tcp_ttl=row.tcp_ttl,
        tcp_mss=row.tcp_mss,
    )


def syn_columns(syn: tcp_syn.SynFacts | None) -> SynColumns:
    """TCP and IP facts of an epoch's SYN."""
    if syn is None:
        return NO_SYN
    mss, wscale, option_kinds, signature = _described(tcp_syn.syn_pattern(syn))
    return SynColumns(syn.ttl, syn.window, mss, wscale, option_kinds, signature, syn.ip_df, syn.ip_id)


def _shared(text: str | None) -> str | None:
    """The same text, one in memory. The interpreter forgets it with its last use, so this needs no bound."""
    return None if text is None else intern(text)


@lru_cache(maxsize=1024)
def _shared_protocols(alpn: tuple[str, ...]) -> tuple[str, ...]:
    return alpn


@lru_cache(maxsize=8192)
def _described(pattern: tcp_syn.SynFacts) -> tuple[int | None, int | None, str, str]:
    """MSS, window scale, option kinds and signature: the same for all connections of most clients."""
    options = tcp_syn.read_options(pattern.options_field)
    option_kinds = "-".join(map(str, options.kinds))
    return options.mss, options.wscale, option_kinds, tcp_syn.tcp_signature(pattern)


_text = lru_cache(maxsize=65_536)(address_text)

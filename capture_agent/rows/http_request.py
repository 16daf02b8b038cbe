"""The row of `raw_http_requests` that an event in normal form and its join become."""

from __future__ import annotations

from functools import lru_cache

from capture_agent.correlate.correlator import JoinedRequest
from capture_agent.correlate.epochs import JoinableHello
from capture_agent.events import HeaderOrderSource, HttpEvent, HttpRequest, Quality
from capture_agent.fingerprint.header_order import DEFAULT_HOP_HEADERS, header_order_hash
from capture_agent.rows.client_names import AS_SEEN, ClientNames

MAX_HEADER_NAMES = 256
"""Names stored of one request; the hash is over all of them."""
MAX_REMEMBERED_CHARS = 1_024
"""Of browsers' names there are some 200 characters; at 8,192 orders remembered, 16 MB at most."""
MAX_FORWARDED = 32
"""Addresses of X-Forwarded-For stored: each proxy adds one, a forger any number."""
MAX_FORWARDED_CHARS = 64
NO_HELLO = JoinableHello(ts_us=0, quality=Quality.TRUNCATED)


def http_request_row(
    joined: JoinedRequest, sensor: str, site: str = "", clients: ClientNames = AS_SEEN
) -> HttpRequest:
    """Build the row. `joined.event` must be in the normal form of `capture_agent.intake.normal_form`."""
    event = joined.event
    values = header_values(event)
    names = tuple([name for name, _ in event.headers]) if event.has_all_header_names else ()
    path, mark, query = event.unparsed_uri.partition("?")
    hello = joined.hello or NO_HELLO
    return HttpRequest(
        sensor=sensor,
        site=site,
        ts=event.t_us,
        conn_id=clients.conn_id(joined.conn_id),
        peer_ip=clients.address(event.src_ip),
        src_port=event.src_port,
        dst_ip=event.dst_ip,
        dst_port=event.dst_port,
        client_ip=clients.address(event.useragent_ip or event.src_ip),
        xff=clients.forwarded(forwarded_for(values.get("x-forwarded-for"))),
        method=event.method,
        scheme=event.scheme or "",
        host=event.host,
        path=path,
        query=query if mark else None,
        protocol=event.proto,
        status=event.status,
        request_bytes=event.request_bytes,
        response_bytes=event.bytes,
        duration_us=event.dur_us,
        request_seq_on_conn=joined.seq_on_conn,
        header_names=names[:MAX_HEADER_NAMES],
        header_order_hash=order_hash(names),
        header_order_source=event.header_order_source or HeaderOrderSource.SERVER,
        user_agent=values.get("user-agent"),
        accept=values.get("accept"),
        accept_language=values.get("accept-language"),
        accept_encoding=values.get("accept-encoding"),
        referer=values.get("referer"),
        sec_fetch_site=values.get("sec-fetch-site"),
        sec_fetch_mode=values.get("sec-fetch-mode"),
        sec_fetch_dest=values.get("sec-fetch-dest"),
        sec_fetch_user=values.get("sec-fetch-user"),
        sec_ch_ua=values.get("sec-ch-ua"),
        sec_ch_ua_mobile=values.get("sec-ch-ua-mobile"),
        sec_ch_ua_platform=values.get("sec-ch-ua-platform"),
        signature=values.get("signature"),
        signature_input=values.get("signature-input"),
        signature_agent=values.get("signature-agent"),
        cookie_names=event.cookie_names or (),
        h2_fingerprint=event.h2_fingerprint,
        join_state=joined.state,
        join_candidates=joined.candidates,
        join_confidence=joined.confidence,
        hello_to_request_us=joined.hello_to_request_us,
        ja4=hello.ja4,
        ja4_stable=hello.ja4_stable,
        ja3_hash=hello.ja3_hash,
        sni=hello.sni,
        tls_version=hello.tls_version,
        alpn=hello.alpn,
        quality=hello.quality if joined.hello else None,
        has_grease=hello.has_grease,
        has_ech=hello.has_ech,
        has_psk=hello.has_psk,
        has_pq_group=hello.has_pq_group,
        tcp_signature=hello.tcp_signature,
        tcp_ttl=hello.tcp_ttl,
        tcp_mss=hello.tcp_mss,
        canary_nonce=event.canary_nonce,
    )


def order_hash(names: tuple[str, ...]) -> str | None:
    """Hash of the order of names; that of one client is asked for again and again."""
    if sum(map(len, names)) > MAX_REMEMBERED_CHARS:
        return header_order_hash(names, DEFAULT_HOP_HEADERS)
    return _remembered_hash(names)


@lru_cache(maxsize=8_192)
def _remembered_hash(names: tuple[str, ...]) -> str | None:
    return header_order_hash(names, DEFAULT_HOP_HEADERS)


def header_values(event: HttpEvent) -> dict[str, str]:
    """Values by lower-case name; of a repeated header the first, as servers that merge put it first."""
    return {name.lower(): value for name, value in reversed(event.headers) if value is not None}


def forwarded_for(value: str | None) -> tuple[str, ...]:
    """Entries of X-Forwarded-For as sent, the client's claim first; they prove nothing."""
    if not value:
        return ()
    entries = value.split(",", MAX_FORWARDED)[:MAX_FORWARDED]
    return tuple([entry.strip()[:MAX_FORWARDED_CHARS] for entry in entries])

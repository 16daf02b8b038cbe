"""The rows that cross the agent's boundary, and the HTTP event that enters it.

Field names are the column names of the tables `raw_tls_hellos`, `raw_http_requests` and
`raw_agent_ticks`; a test holds the two equal. Times are integer microseconds since the Unix epoch
(UTC) in these structs; `capture_agent.sink.encode` writes them as ISO 8601. Addresses are canonical
text: dotted for IPv4 and IPv4-mapped IPv6, RFC 5952 for IPv6. `None` means "not observed".
Byte strings from the wire that are shown as text (`sni`, `alpn`) keep printable ASCII and write every
other byte, and the backslash, as `\\xNN`, so that the original bytes can be told from the text.
"""

from __future__ import annotations

import builtins  # HttpEvent has a field called `bytes`
from enum import StrEnum
from typing import Annotated

import msgspec

FINGERPRINT_SPEC = 1
"""Version of the fingerprint rules in `capture_agent.fingerprint`; raised when a rule changes a value.

1: JA4, JA4_r, JA4_o as published by FoxIO (BSD-3, 2023-09, ALPN hex rule of 2024), JA3 of 2017, JA3n.
"""


class Transport(StrEnum):
    """What carried the ClientHello; selects the first letter of JA4 (t, q, d)."""

    TCP = "tcp"
    QUIC = "quic"
    DTLS = "dtls"


class Quality(StrEnum):
    """How the bytes of a ClientHello were obtained."""

    COMPLETE = "complete"
    """All of it in one segment or datagram."""
    REASSEMBLED = "reassembled"
    """All of it, put together from several segments, records or datagrams."""
    TRUNCATED = "truncated"
    """The capture, a limit or the peer ended it early; fingerprints are null."""
    MALFORMED = "malformed"
    """It breaks the grammar of RFC 8446 section 4.1.2; see `malformed_reason`."""


class JoinState(StrEnum):
    """How a request found the ClientHello of its connection."""

    MATCHED = "matched"
    """Exactly one connection epoch with a hello contains the request."""
    AMBIGUOUS = "ambiguous"
    """Several epochs of the same 5-tuple could have carried it; `join_candidates` counts them."""
    MIDSTREAM = "midstream"
    """The connection is older than the capture: its hello was never observable."""
    NO_HELLO = "no_hello"
    """A TLS request for whose connection no usable hello was seen."""
    CLEARTEXT = "cleartext"
    """The request did not use TLS."""


class HeaderOrderSource(StrEnum):
    """Where `header_names` was read."""

    WIRE = "wire"
    """The bytes as the client sent them."""
    SERVER = "server"
    """The web server's own table, which may merge and rename (HTTP/2 in Apache)."""


class TlsHello(msgspec.Struct, frozen=True, kw_only=True):
    """One ClientHello on the wire: a row of `raw_tls_hellos`.

    Grain: one row per hello, also those that no request ever followed.
    """

    sensor: str
    site: str = ""
    """Where the sensor stands, as its operator calls it; empty if they do not say."""
    ts: int
    """Arrival of the segment or datagram that completed the hello, us."""
    conn_id: int
    """64-bit id of the connection epoch, equal in `raw_http_requests`."""
    transport: Transport
    src_ip: str
    src_port: int
    dst_ip: str
    dst_port: int
    sni: str | None
    """First host_name of server_name; None if absent or unreadable."""
    sni_present: bool | None
    """Extension 0x0000 is present, readable or not; None if the extensions were not reached."""
    sni_is_ip: bool | None
    """The host_name is an IP literal, against RFC 6066; None without a readable name."""
    alpn: tuple[str, ...]
    """Offered protocols in wire order."""
    legacy_version: int | None
    tls_version: int | None
    """Highest offered version without GREASE, else legacy_version."""
    ja4: str | None
    ja4_r: str | None
    ja4_o: str | None
    ja4_stable: str | None
    """JA4 without extensions 0x0015, 0x0023, 0x0029 and 0x002a: group on it."""
    ja3: str | None
    ja3_hash: str | None
    ja3n_hash: str | None
    fingerprint_spec: int
    quality: Quality
    malformed_reason: str | None
    malformed_offset: int | None
    """Byte offset in the handshake message (or record) at which parsing failed."""
    segments: int
    """TCP segments or UDP datagrams that carried the hello."""
    hello_len: int | None
    """Declared length of the handshake message, its 4-byte header included."""
    hello_skeleton: bytes | None
    """The handshake message with random and secret fields blanked, lengths intact."""
    has_grease: bool | None
    has_ech: bool | None
    has_psk: bool | None
    has_early_data: bool | None
    has_pq_group: bool | None
    is_second_hello: bool
    """Answer to a HelloRetryRequest, or any further hello of the same epoch."""
    is_sslv2_framed: bool
    preamble: str | None
    """What preceded the hello on its stream: smtp, imap, pop3, ftp, ldap, postgresql, mysql, connect,
    socks4, socks5, proxy_v1, proxy_v2; None if the hello starts the stream."""
    proxy_src_ip: str | None
    """Source address that a PROXY protocol header declared."""
    proxy_src_port: int | None
    proxy_dst_ip: str | None
    proxy_dst_port: int | None
    tunnel: str | None
    """Outermost encapsulation removed: ipip, 6in4, gre, erspan, vxlan, geneve, gtpu; None if none."""
    tcp_ttl: int | None
    """TTL or hop limit of the SYN; this and the next nine come from the SYN and are None without one."""
    tcp_window: int | None
    tcp_mss: int | None
    tcp_wscale: int | None
    tcp_options: str | None
    """Option kinds of the SYN in order, joined by '-'."""
    tcp_signature: str | None
    """p0f-style signature; format in docs/reference/tcp-signature.md."""
    ip_df: bool | None
    ip_id: int | None
    syn_ack_rtt_us: int | None
    """SYN-ACK to the client's ACK: the round trip between sensor and client."""
    syn_to_hello_us: int | None


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One finished request, joined with the hello of its connection: a row of `raw_http_requests`."""

    sensor: str
    site: str = ""
    """Where the sensor stands, as its operator calls it; empty if they do not say."""
    ts: int
    """Start of the request as the server read it, us."""
    conn_id: int
    peer_ip: str
    """The TCP peer: the join key. `client_ip` is what the server's trust list made of it."""
    src_port: int
    dst_ip: str
    dst_port: int
    client_ip: str
    xff: tuple[str, ...]
    method: str
    scheme: str
    host: str | None
    path: str
    query: str | None
    """Only stored when configured; None otherwise and when the target has none."""
    protocol: str
    status: int
    request_bytes: int | None
    response_bytes: int | None
    duration_us: int | None
    request_seq_on_conn: int
    header_names: tuple[str, ...]
    header_order_hash: str | None
    """12 hex digits over `header_names` as sent; None without names."""
    header_order_source: HeaderOrderSource
    user_agent: str | None
    accept: str | None
    accept_language: str | None
    accept_encoding: str | None
    referer: str | None
    sec_fetch_site: str | None
    sec_fetch_mode: str | None
    sec_fetch_dest: str | None
    sec_fetch_user: str | None
    sec_ch_ua: str | None
    sec_ch_ua_mobile: str | None
    sec_ch_ua_platform: str | None
    cookie_names: tuple[str, ...]
    h2_fingerprint: str | None
    join_state: JoinState
    join_candidates: int
    join_confidence: float
    """1 for a match inside an observed epoch; its meaning per state is in docs/reference/joins.md."""
    hello_to_request_us: int | None
    ja4: str | None
    ja4_stable: str | None
    ja3_hash: str | None
    sni: str | None
    tls_version: int | None
    alpn: tuple[str, ...]
    quality: Quality | None
    has_grease: bool | None
    has_ech: bool | None
    has_psk: bool | None
    has_pq_group: bool | None
    tcp_signature: str | None
    tcp_ttl: int | None
    tcp_mss: int | None
    canary_nonce: str | None
    """Nonce of a canary's request that proved to be one (`capture_agent.canary`); None for every visitor."""
    signature: str | None
    """Signature header as sent (RFC 9421)."""
    signature_input: str | None
    """Signature-Input: what the signature covers, and with which key."""
    signature_agent: str | None
    """Signature-Agent: whose signature it claims to be (Web Bot Auth)."""


class LedgerCounters(msgspec.Struct, kw_only=True):
    """What the agent counts within a minute, and its levels (`LEVELS`) at the minute's end."""

    frames_seen: int = 0
    frames_dropped_kernel: int = 0
    frames_undecodable: int = 0
    hellos_complete: int = 0
    hellos_reassembled: int = 0
    hellos_truncated: int = 0
    hellos_malformed: int = 0
    hellos_unused: int = 0
    """Hellos whose connection ended, or grew idle, without a request."""
    flows_opened: int = 0
    flows_evicted_idle: int = 0
    flows_evicted_full: int = 0
    streams_evicted_bytes: int = 0
    streams_evicted_segments: int = 0
    http_events_seen: int = 0
    http_events_rejected: int = 0
    """Events that were not valid and were skipped."""
    http_events_dropped: int = 0
    """Valid events given up because the waiting room was full."""
    http_events_lost: int = 0
    """Gaps in the source's sequence numbers: events that never arrived (not in http_events_seen)."""
    requests_matched: int = 0
    requests_ambiguous: int = 0
    requests_midstream: int = 0
    requests_no_hello: int = 0
    requests_cleartext: int = 0
    requests_waiting: int = 0
    rows_inserted: int = 0
    rows_spooled: int = 0
    rows_discarded: int = 0
    flows_closed: int = 0
    """Connections ended by FIN, RST, a newer SYN or the end of the input. Over a whole run, `flows_opened =
    flows_closed + flows_evicted_idle + flows_evicted_full`."""
    epochs_evicted_full: int = 0
    """Connections that the join forgot because a bound was reached."""
    epochs_restored: int = 0
    """Connections taken over from the agent's run before this one."""
    streams_evicted_timeout: int = 0
    """Hellos begun and not finished in time."""
    quic_unopened: int = 0
    """QUIC Initial packets left alone because the package `cryptography` is not installed."""
    fragments_evicted_full: int = 0
    """Fragmented datagrams given up to make room."""
    fragments_evicted_timeout: int = 0
    fragments_discarded_overlap: int = 0
    fragments_discarded_oversize: int = 0
    http_events_duplicate: int = 0
    """Reports of cleartext requests that the sensor has read itself."""
    cleartext_requests_read: int = 0
    """Cleartext requests that the sensor read itself; each is in http_events_seen as well."""
    cleartext_requests_unanswered: int = 0
    """Of those, the ones whose response was not seen: their status is 0."""
    cleartext_heads_malformed: int = 0
    """Requests or responses that break the grammar; the rest of their connection is not read."""
    cleartext_heads_oversize: int = 0
    """As before, because a head was longer than the sensor holds."""
    cleartext_streams_gap: int = 0
    """Places in cleartext connections where bytes are missing that could be a head's: lost, cut, or sent
    before the capture. Requests may be missing there."""
    cleartext_streams_evicted_full: int = 0
    """Cleartext connections given up to make room."""
    clock_skew_us: int | None = None
    """Clock of the HTTP events, `clock_offset_us` taken off, minus clock of the packets, as the traffic
    suggests it, at most; None while unknown."""
    http_events_excluded: int = 0
    """Requests of connections that the include and exclude lists leave out (not in http_events_seen)."""
    rows_excluded: int = 0
    """Hellos of such connections that were only recognised behind the kernel's filter."""


LEVELS = frozenset({"requests_waiting", "clock_skew_us"})
"""The fields of LedgerCounters that tell the state at the end of the minute and do not add up."""


class AgentTick(LedgerCounters, frozen=True):  # type: ignore[misc]  # msgspec can freeze what it inherits
    """The ledger of one minute: a row of `raw_agent_ticks`. Counters are increments within the minute.

    The books balance: `http_events_seen = http_events_rejected + http_events_dropped + http_events_duplicate
    + requests_matched + requests_ambiguous + requests_midstream + requests_no_hello + requests_cleartext`
    plus the change of `requests_waiting`.
    """

    sensor: str
    ts: int
    """Start of the minute, us."""
    run_id: int
    """64-bit id of the agent's run; equal for a repeated replay of the same input."""
    site: str = ""
    """Where the sensor stands, as its operator calls it; empty if they do not say."""


class HttpEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One finished request as the web server reports it, one JSON object a line (`ev` = "end").

    Written by mod_reqin_log and by the intake's mappings. Unknown keys are ignored.
    """

    t_us: int
    """Start of the request, us since the epoch."""
    src_ip: str
    """TCP peer of the connection, never the address that mod_remoteip derived."""
    src_port: int
    dst_ip: str
    dst_port: int
    method: str
    unparsed_uri: str
    """Request target as sent, query included."""
    proto: str
    status: int
    headers: tuple[tuple[str, str | None], ...]
    """(name, value) in the order of `header_order_source`; value None where it is withheld."""
    has_all_header_names: bool = True
    """`headers` has every name in its order; false where a log has some values only: then the row has no
    header names and no hash of their order."""
    headers_cut: bool = False
    """Its source had no room for all pairs: then `has_all_header_names` becomes false."""
    ev: str = "end"
    v: int = 1
    dur_us: int | None = None
    useragent_ip: str | None = None
    """Client address after the server's trust list; None means the TCP peer."""
    scheme: str | None = None
    """None: derived by the intake from the destination port."""
    host: str | None = None
    conn_seq: int | None = None
    """The server's own counter of connections."""
    conn_req: int | None = None
    """Number of the request on its connection, from 1."""
    conn_start_us: int | None = None
    time_error_us: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    """How coarse its times are, where they are not written to the microsecond."""
    request_bytes: int | None = None
    bytes: int | None = None
    """Response bytes."""
    cookie_names: tuple[str, ...] | None = None
    """None: taken from the Cookie header's value if that is not withheld."""
    header_order_source: HeaderOrderSource | None = None
    """None: SERVER for HTTP/2 and above, WIRE for HTTP/1."""
    source_id: str | None = None
    source_seq: int | None = None
    """With source_id: number of the event at its source (an Apache child), for counting gaps."""
    h2_fingerprint: str | None = None
    h2_stream: int | None = None
    """HTTP/2 stream of the request."""
    h2_start: builtins.bytes | None = None
    """Frames that opened the HTTP/2 connection, up to the first header block, its values blanked; base64 in
    JSON. The intake turns them into `h2_fingerprint` and the first request's header order, and drops them."""
    canary_nonce: str | None = None
    """Set by the intake for requests that prove to be a canary's; what an event says itself is ignored."""

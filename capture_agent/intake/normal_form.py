"""Brings an HTTP event into the one form the pipeline works on, and drops what must not be stored.

After `NormalForm.of` addresses are canonical, `scheme`, `useragent_ip`, `header_order_source` and
`cookie_names` are filled, numbers fit their columns, and the values of headers that are not on the list are
gone. Header names stay as sent, all of them, in order: they are the fingerprint.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import msgspec

from capture_agent.canary.token import CanaryKey
from capture_agent.events import HeaderOrderSource, HttpEvent
from capture_agent.intake.request_headers import MAX_VALUE_CHARS, SplitsHeaders, split_headers, storable_uri
from capture_agent.rows.stored import DEFAULT_TLS_PORTS, LAST_US, STORED_HEADERS
from capture_agent.wire.address import address_text, parse_address

MAX_NAMES = 256
"""Cookie names kept of one request; Apache's default limit of header fields is 100."""
MAX_NAME_CHARS = 256
EVENT_VERSION = 1
LARGEST = 1 << 63


class UnacceptableEvent(ValueError):  # noqa: N818 - named for the event that it refuses
    """An event that is valid JSON but cannot be a request; the text says which field and why."""


@dataclass(frozen=True, slots=True)
class NormalForm:
    """The operator's choices about what is stored."""

    kept_headers: frozenset[str] = STORED_HEADERS
    """Lower-case names of headers whose values are kept; a subset of STORED_HEADERS."""
    stores_query: bool = False
    """Keep query strings, of the target and of Referer: they hold search terms, tokens, mail addresses."""
    tls_ports: frozenset[int] = DEFAULT_TLS_PORTS
    """Server ports that speak TLS, for events that do not name their scheme."""
    canary_key: CanaryKey | None = None
    """Proves the requests of a canary; None takes no request for one."""
    split: SplitsHeaders = split_headers
    """Takes header fields apart; replaced by its compiled twin."""
    tells_addresses: bool = True
    """Messages about an event may repeat its addresses; not where rows are not to hold them either."""

    def of(self, event: HttpEvent) -> HttpEvent:
        """The event in normal form; raises UnacceptableEvent."""
        check_ranges(event)
        src_ip = self._canonical("src_ip", event.src_ip)
        client_ip = (
            src_ip if event.useragent_ip is None else self._canonical("useragent_ip", event.useragent_ip)
        )
        target = storable_uri(event.unparsed_uri, keeps_query=self.stores_query)
        split = self.split(event.headers, self.kept_headers, self.stores_query)
        host = split.host if event.host is None else event.host
        cookie_names = event.cookie_names
        if cookie_names is None:
            cookie_names = tuple([name for value in split.cookies for name in names_of_cookies(value)])
        return msgspec.structs.replace(
            event,
            src_ip=src_ip,
            dst_ip=self._canonical("dst_ip", event.dst_ip),
            useragent_ip=client_ip,
            unparsed_uri=target[:MAX_VALUE_CHARS],
            method=event.method[:MAX_NAME_CHARS],
            proto=event.proto[:MAX_NAME_CHARS],
            host=None if host is None else host.rpartition("@")[2][:MAX_NAME_CHARS],
            scheme=event.scheme or ("https" if event.dst_port in self.tls_ports else "http"),
            headers=split.kept,
            cookie_names=cap_names(cookie_names),
            header_order_source=event.header_order_source or order_source(event.proto),
            canary_nonce=None if split.canary is None else self._maybe_canary(split.canary, event.t_us),
        )

    def _canonical(self, field: str, text: str) -> str:
        try:
            return _canonical(text)
        except ValueError as error:
            raise UnacceptableEvent(f"{field} is {self.shown(text)}, not an IP address") from error

    def shown(self, text: str) -> str:
        """What is no address, or more than one, as messages show it: it may well contain one."""
        return repr(text[:64]) if self.tells_addresses else f"text of {len(text)} characters"

    def _maybe_canary(self, user_agent: str, t_us: int) -> str | None:
        return self.canary_key.maybe_nonce(user_agent, t_us) if self.canary_key else None


def check_ranges(event: HttpEvent) -> None:
    """Raise UnacceptableEvent for a number that no request has; one such row would fail its whole batch."""
    start_us, duration_us = event.conn_start_us or 0, event.dur_us or 0
    # All at once, since nearly every event is in order.
    is_in_order = (
        event.v == EVENT_VERSION
        and 0 <= duration_us <= duration_us + event.t_us < LAST_US
        and 0 <= start_us < LAST_US
        and 0 <= event.src_port <= 0xFFFF
        and 0 <= event.dst_port <= 0xFFFF
        and 0 <= event.status <= 0xFFFF
        and 0 <= (event.request_bytes or 0) < LARGEST
        and 0 <= (event.bytes or 0) < LARGEST
        and 0 <= (event.conn_seq or 0) < LARGEST
        and 0 <= (event.source_seq or 0) < LARGEST
        and 0 <= (event.conn_req or 0) < 1 << 32
    )
    if not is_in_order:
        _name_what_is_out_of_range(event)


def _name_what_is_out_of_range(event: HttpEvent) -> None:
    if event.v != EVENT_VERSION:
        raise UnacceptableEvent(f"v is {event.v}, this agent reads version {EVENT_VERSION}")
    for name, value in (("t_us", event.t_us), ("conn_start_us", event.conn_start_us)):
        if value is not None and not 0 <= value < LAST_US:
            raise UnacceptableEvent(f"{name} is {value}, outside the years 1970 to 2199")
    if event.dur_us is not None and not 0 <= event.dur_us < LAST_US - event.t_us:
        raise UnacceptableEvent(f"dur_us is {event.dur_us}, so that the request ends outside those years")
    for name, value in (("src_port", event.src_port), ("dst_port", event.dst_port), ("status", event.status)):
        if not 0 <= value <= 0xFFFF:
            raise UnacceptableEvent(f"{name} is {value}, outside 0 to 65535")
    for name, value in (
        ("request_bytes", event.request_bytes),
        ("bytes", event.bytes),
        ("conn_seq", event.conn_seq),
        ("source_seq", event.source_seq),
    ):
        if value is not None and not is_number_in_range(value):
            raise UnacceptableEvent(f"{name} is {value}, outside 0 to 2^63")
    if event.conn_req is not None and not 0 <= event.conn_req < 1 << 32:
        raise UnacceptableEvent(f"conn_req is {event.conn_req}, outside 0 to 2^32")


def is_number_in_range(value: int) -> bool:
    """Whether a counter or size fits its column."""
    return 0 <= value < LARGEST


@lru_cache(maxsize=65_536)
def _canonical(text: str) -> str:
    return address_text(parse_address(text))


def names_of_cookies(value: str) -> list[str]:
    """Names in a Cookie header (RFC 6265 section 4.2.1), in order; the values are dropped here."""
    pairs = (pair.partition("=") for pair in value.split(";"))
    return [name.strip() for name, equals, _ in pairs if equals and name.strip()]


def cap_names(names: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """At most MAX_NAMES names of at most MAX_NAME_CHARS characters."""
    return tuple(name[:MAX_NAME_CHARS] for name in names[:MAX_NAMES])


def order_source(proto: str) -> HeaderOrderSource:
    """Where a server that does not say took the header order from: its own table for HTTP/2 and above."""
    return HeaderOrderSource.WIRE if proto.startswith(("HTTP/0", "HTTP/1")) else HeaderOrderSource.SERVER

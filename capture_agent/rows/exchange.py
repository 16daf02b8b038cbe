"""The HTTP event that a cleartext request becomes when the sensor has read it off the wire itself."""

from __future__ import annotations

from functools import lru_cache

from capture_agent.correlate.epochs import JoinableHello
from capture_agent.events import HeaderOrderSource, HttpEvent
from capture_agent.flows.flow_events import ConnectionEpoch, HttpExchange
from capture_agent.rows.tls_hello import syn_columns
from capture_agent.wire.address import address_text


def exchange_event(exchange: HttpExchange) -> HttpEvent:
    """The event, not yet in normal form: its header values are all there.

    Text is UTF-8; bytes that are not are written as `\\xNN`, as the intake does.
    """
    epoch = exchange.epoch
    return HttpEvent(
        t_us=exchange.ts_us,
        dur_us=max(exchange.ended_us - exchange.ts_us, 0),
        src_ip=_address(epoch.src),
        src_port=epoch.src_port,
        dst_ip=_address(epoch.dst),
        dst_port=epoch.dst_port,
        method=_text(exchange.method),
        unparsed_uri=_text(exchange.target),
        proto=_text(exchange.version),
        status=exchange.status,
        scheme="http",
        host=None if exchange.authority is None else _text(exchange.authority),
        headers=tuple([(_text(name), _text(value)) for name, value in exchange.fields]),
        header_order_source=HeaderOrderSource.WIRE,
        conn_req=exchange.number,
        request_bytes=exchange.request_bytes,
        bytes=exchange.response_bytes,
        h2_fingerprint=exchange.h2_fingerprint,
        h2_stream=exchange.stream,
    )


def syn_facts(epoch: ConnectionEpoch) -> JoinableHello | None:
    """What a cleartext request carries of its connection's SYN; None without one."""
    if epoch.syn is None:
        return None
    syn = syn_columns(epoch.syn)
    return JoinableHello(
        ts_us=epoch.opened_us,
        quality=None,
        tcp_signature=syn.tcp_signature,
        tcp_ttl=syn.tcp_ttl,
        tcp_mss=syn.tcp_mss,
    )


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")


_address = lru_cache(maxsize=65_536)(address_text)

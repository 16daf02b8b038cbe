"""Rows as the agent writes them, with plausible values where a test names none."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from capture_agent.events import (
    AgentTick,
    HeaderOrderSource,
    HttpRequest,
    JoinState,
    Quality,
    TlsHello,
    Transport,
)

ALPN = ("h2", "http/1.1")


def microseconds(moment: datetime) -> int:
    """The wire side's form of a moment."""
    return int(moment.timestamp() * 1_000_000)


def _with_none(struct: type[msgspec.Struct], **known: Any) -> Any:
    """A struct whose fields are None where nothing is known of them."""
    return struct(**{name: known.get(name) for name in struct.__struct_fields__})


def hello(moment: datetime, conn_id: int, **known: Any) -> TlsHello:
    """A complete ClientHello from 198.51.100.1."""
    defaults: dict[str, Any] = {
        "sensor": "web1",
        "site": "",
        "ts": microseconds(moment),
        "conn_id": conn_id,
        "transport": Transport.TCP,
        "src_ip": "198.51.100.1",
        "src_port": 40_000 + conn_id,
        "dst_ip": "203.0.113.80",
        "dst_port": 443,
        "alpn": ALPN,
        "fingerprint_spec": 1,
        "quality": Quality.COMPLETE,
        "segments": 1,
        "is_second_hello": False,
        "is_sslv2_framed": False,
    }
    return _with_none(TlsHello, **defaults | known)


def request(moment: datetime, conn_id: int, number: int = 1, **known: Any) -> HttpRequest:
    """A matched request over HTTPS and HTTP/2 from 198.51.100.1 to shop.test."""
    defaults: dict[str, Any] = {
        "sensor": "web1",
        "site": "",
        "ts": microseconds(moment),
        "conn_id": conn_id,
        "src_port": 40_000 + conn_id,
        "dst_ip": "203.0.113.80",
        "dst_port": 443,
        "client_ip": "198.51.100.1",
        "xff": (),
        "method": "GET",
        "scheme": "https",
        "host": "shop.test",
        "path": "/",
        "protocol": "HTTP/2.0",
        "status": 200,
        "request_seq_on_conn": number,
        "header_names": ("user-agent", "accept"),
        "header_order_hash": "0123456789ab",
        "header_order_source": HeaderOrderSource.SERVER,
        "cookie_names": (),
        "join_state": JoinState.MATCHED,
        "join_candidates": 1,
        "join_confidence": 1.0,
        "alpn": ALPN,
    }
    merged = defaults | known
    return _with_none(HttpRequest, **{"peer_ip": merged["client_ip"]} | merged)


def tick(moment: datetime, **counters: int) -> AgentTick:
    """The ledger of one minute."""
    return AgentTick(sensor="web1", ts=microseconds(moment), run_id=counters.pop("run_id", 1), **counters)

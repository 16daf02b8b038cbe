"""Facts to rows: one module per raw table."""

from __future__ import annotations

import msgspec

from capture_agent.events import AgentTick, HttpRequest, JoinState, TlsHello


class EncodedRequest(msgspec.Struct, frozen=True, gc=False):
    """A row of `raw_http_requests` that is a JSON line already, as `sink.encode` would write it."""

    line: bytes
    """One object with the columns of the table, and a newline."""
    join_state: JoinState


Row = TlsHello | HttpRequest | EncodedRequest | AgentTick
"""A row of one of the three raw tables."""

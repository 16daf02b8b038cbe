"""Facts to rows: one module per raw table."""

from __future__ import annotations

from capture_agent.events import AgentTick, HttpRequest, TlsHello

Row = TlsHello | HttpRequest | AgentTick
"""A row of one of the three raw tables."""

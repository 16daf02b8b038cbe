"""Section `[join]`: how requests find the hello of their connection, and how much is remembered for it."""

from __future__ import annotations

from pydantic import Field

from capture_agent.settings.fields import Section


class JoinSettings(Section):
    """Waiting, clocks and bounds."""

    wait_ms: int = Field(default=500, ge=0, le=60_000)
    """How long a request waits for the hello of its connection."""
    clock_tolerance_us: int = Field(default=100, ge=0, le=10_000_000)
    """Largest error between the clocks of packets and HTTP events."""
    clock_offset_us: int = 0
    """Clock of the HTTP events minus clock of the packets."""
    proxy_protocol: bool = False
    """The server reads PROXY headers and reports the client they name; requests are joined under it."""
    max_connections: int = Field(default=131_072, ge=1)
    """Connections followed at once; the correlator remembers twice as many."""
    max_waiting: int = Field(default=65_536, ge=1)
    """Requests that may wait for their hello at once."""
    idle_s: int = Field(default=900, ge=1)
    """How long a connection lost from sight is kept; must exceed the server's keep-alive time."""

"""Section `[agent]`: who this sensor is and how it lives."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

from pydantic import Field

from capture_agent.settings.fields import Allowed, Section


class AgentSettings(Section):
    """Name, place and life of the agent."""

    sensor: str = Field(default_factory=socket.gethostname, min_length=1, max_length=128)
    """Name of this sensor in every row."""
    site: str = Field(default="", max_length=128)
    """Where it stands, in every row: a data centre, a customer, an environment."""
    state_dir: Path = Path("/var/lib/ja4-agent")
    """Folder in which `run` keeps how far it has read the files it follows, and leaves open connections."""
    user: Annotated[str | None, Allowed("the name of a user of this machine")] = None
    """User that `run` becomes once it captures, when it is started as root; None: it stays who it is."""
    stop_s: float = Field(default=10.0, ge=0, le=600)
    """How long `run` tries to deliver what it holds when it is stopped."""

"""Section `[cleartext_http]`: requests that the sensor reads off the wire itself."""

from __future__ import annotations

from typing import Annotated

from capture_agent.rows.stored import DEFAULT_CLEARTEXT_PORTS
from capture_agent.settings.fields import Allowed, Ports, Section


class CleartextHttpSettings(Section):
    """Whether and where cleartext HTTP/1 and HTTP/2 are read."""

    enabled: Annotated[bool | None, Allowed("true or false")] = None
    """Read requests that are sent in cleartext; None: where no source of requests is configured."""
    ports: Ports = DEFAULT_CLEARTEXT_PORTS
    """Server ports on which they are read."""

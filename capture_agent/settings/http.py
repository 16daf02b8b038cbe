"""Tables `[[http]]`: where web servers hand over what they served."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from capture_agent.settings.fields import Allowed, Section


class HttpSource(Section):
    """One source of HTTP events."""

    socket: Path | None = None
    """UNIX socket on which the agent listens, for mod_reqin_log and whatever sends lines as it does."""
    syslog: Path | None = None
    """UNIX socket for syslog datagrams, as nginx and HAProxy send them."""
    file: Path | None = None
    """Log file that is followed across rotation."""
    format: str = "native"
    """Format of the lines: `native`, the name of a ready mapping, or a mapping file."""
    group: Annotated[str | None, Allowed("the name of a group of this machine")] = None
    """Group that may write to the socket; None: the agent's own."""
    mode: Annotated[int, Allowed("a number from 0o000 to 0o777, as 0o660")] = Field(
        default=0o660, ge=0, le=0o777
    )
    """Rights on the socket's file."""
    from_start: bool = False
    """Read what is in the file at the very first start as well."""

    @model_validator(mode="after")
    def _names_one_place(self) -> HttpSource:
        if sum(place is not None for place in (self.socket, self.syslog, self.file)) != 1:
            raise ValueError("name exactly one of socket, syslog and file")
        return self

    @property
    def path(self) -> Path:
        """The one place that is named."""
        return self.socket or self.syslog or self.file or Path()

"""Section `[requests]`: what is kept of a request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import SecretStr, field_validator, model_validator

from capture_agent.rows.stored import DEFAULT_TLS_PORTS, STORED_HEADERS
from capture_agent.settings.fields import Allowed, Commas, Ports, Section


class RequestSettings(Section):
    """The operator's choices about what is stored."""

    tls_ports: Ports = DEFAULT_TLS_PORTS
    """Server ports that speak TLS, for HTTP events that do not name their scheme."""
    kept_headers: Annotated[
        frozenset[str], Commas, Allowed("a list out of " + ", ".join(sorted(STORED_HEADERS)))
    ] = STORED_HEADERS
    """Headers whose values are stored; the names of all headers always are."""
    store_query: bool = False
    """Store query strings of targets and of Referer."""
    canary_secret: Annotated[SecretStr | None, Allowed("text of 16 bytes or more")] = None
    """Shared with the canary; requests that prove to be its own are marked and judged as no visitor's."""
    canary_secret_file: Annotated[Path | None, Allowed("a file with 16 bytes or more")] = None
    """File that holds it."""

    @field_validator("kept_headers")
    @classmethod
    def _have_columns(cls, value: frozenset[str]) -> frozenset[str]:
        names = frozenset(name.lower() for name in value)
        if unknown := sorted(names - STORED_HEADERS):
            raise ValueError(f"no column for {', '.join(unknown)}")
        return names

    @model_validator(mode="after")
    def _names_one_secret(self) -> RequestSettings:
        if self.canary_secret is not None and self.canary_secret_file is not None:
            raise ValueError("name one of canary_secret and canary_secret_file, not both")
        return self

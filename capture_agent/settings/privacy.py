"""Section `[privacy]`: how clients are named in what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from capture_agent.rows.client_names import DEFAULT_KEPT_BITS_V4, DEFAULT_KEPT_BITS_V6
from capture_agent.settings.fields import Allowed, Section


class PrivacySettings(Section):
    """Pseudonyms in place of clients' addresses; without a key there are none."""

    pseudonym_key_file: Annotated[
        Path | None, Allowed("a file of 32 random bytes or more that the agent's user alone can read")
    ] = None
    """File with the key; its bytes are the same on every sensor that is to give the same pseudonyms."""
    keep_bits_v4: int = Field(default=DEFAULT_KEPT_BITS_V4, ge=0, le=32)
    """Leading bits of IPv4 addresses that stay as they are."""
    keep_bits_v6: int = Field(default=DEFAULT_KEPT_BITS_V6, ge=0, le=128)
    """Leading bits of IPv6 addresses that stay as they are."""

    @model_validator(mode="after")
    def _has_a_key_if_bits_are_named(self) -> PrivacySettings:
        if self.pseudonym_key_file is None and self.model_fields_set & {"keep_bits_v4", "keep_bits_v6"}:
            raise ValueError("bits to keep are named, but no pseudonym_key_file: addresses would stay whole")
        return self

"""Section `[clickhouse]`: the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import SecretStr, model_validator

from capture_agent.settings.fields import Allowed, Section

URL_FORM = "http[s]://USER:PASSWORD@HOST:PORT/DATABASE"


class ClickHouseSettings(Section):
    """Where the database is, and as whom."""

    url: Annotated[SecretStr | None, Allowed(URL_FORM)] = None
    """`http[s]://USER:PASSWORD@HOST:PORT/DATABASE`."""
    url_file: Annotated[Path | None, Allowed("a file whose content is " + URL_FORM)] = None
    """File that holds the URL, so that the password stands in no settings."""

    @model_validator(mode="after")
    def _names_one_url(self) -> ClickHouseSettings:
        if self.url is not None and self.url_file is not None:
            raise ValueError("name one of url and url_file, not both")
        return self

    def maybe_url(self) -> str | None:
        """The URL, read from its file if need be; None if there is none. Raises OSError."""
        if self.url_file is not None:
            return self.url_file.read_text(encoding="utf-8").strip()
        return None if self.url is None else self.url.get_secret_value()

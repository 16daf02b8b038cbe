"""Settings of the dashboard process, from the environment."""

from __future__ import annotations

import getpass

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where to listen and which database to read; every field is `JA4_<NAME>` or the alias it names."""

    model_config = SettingsConfigDict(env_prefix="JA4_DASHBOARD_", extra="ignore")

    host: str = "127.0.0.1"
    """Address to listen on (`JA4_DASHBOARD_HOST`)."""
    port: int = Field(default=8000, ge=1, le=65535)
    """TCP port to listen on (`JA4_DASHBOARD_PORT`)."""
    websocket_origins: list[str] = Field(default_factory=list)
    """Further `host:port` values under which browsers reach this process (`JA4_DASHBOARD_WEBSOCKET_ORIGINS`,
    a JSON list); the page's live connection is refused from any other origin."""
    user: str = Field(default_factory=getpass.getuser, min_length=1, max_length=100)
    """Name under which labels are recorded (`JA4_DASHBOARD_USER`); by default the user of the operating
    system that the process runs as."""
    clickhouse_url: SecretStr = Field(
        default=SecretStr("http://ja4@127.0.0.1:8123/ja4_processing"), validation_alias="JA4_CLICKHOUSE_URL"
    )
    """DSN of the database with the marts (`JA4_CLICKHOUSE_URL`)."""
